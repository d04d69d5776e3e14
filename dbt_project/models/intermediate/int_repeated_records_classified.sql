{{ config(materialized='table') }}

-- The rule, for the records of one id in the order of (event_time, position), and "near" for at most the dedupe
-- margin before:
-- * Two tenants agree if they are the same or one of them is unknown.
-- * A record of unknown tenant is a head if no record is near.
-- * A record of a known tenant is no head if one of its tenant is near; else it is one if one of another known
--   tenant is near; else it is one if no record, then of unknown tenant, is near.
-- * Its predecessor is the latest earlier record, its head the latest earlier head, whose tenant agrees.
-- So headship is decided by the margin before a record and nothing else, and the records of one event, those of
-- a head in the margin after it, never name two tenants. A record further from its head hangs on to it through
-- others: it is a duplicate or a conflict, and lends the event nothing. (Nor has it a head where one tenant is
-- linked to another, more than a margin away, by records of unknown tenant: then it is a conflict.)

-- Only ids that occur more than once come here: few, so windows over them are cheap. They are found by a hash of 64
-- bits, in four fifths of the time; two ids of one hash would come along, each to be the head of its own event.
with repeated_ids as (

    select {{ text_hash('event_id') }} as id_hash
    from {{ ref('stg_llm_events') }}
    group by id_hash
    having count(*) > 1

),

numbered as (

    select
        *,
        {{ known_meters() }} as known_meters,
        row_number() over (
            partition by event_id
            order by event_time, {{ position_columns() | join(', ') }} nulls first
        ) as ordinal
    from {{ ref('stg_llm_events') }}
    where {{ text_hash('event_id') }} in (select repeated_ids.id_hash from repeated_ids)

),

-- The nearest earlier record of the id: of any tenant, of the same tenant, of a known one, of an unknown one.
neighbours as (

    select
        *,
        lag(event_time) over by_id as previous_at,
        lag(event_time) over by_tenant as previous_of_tenant_at,
        lag(ordinal) over by_id as previous_ordinal,
        lag(ordinal) over by_tenant as previous_of_tenant_ordinal,
        max(case when tenant_id is not null then event_time end) over earlier as previous_known_at,
        max(case when tenant_id is null then ordinal end) over earlier as previous_unknown_ordinal
    from numbered
    window
        by_id as (partition by event_id order by ordinal),
        by_tenant as (partition by event_id, tenant_id order by ordinal),
        earlier as (partition by event_id order by ordinal rows between unbounded preceding and 1 preceding)

),

headed as (

    select
        *,
        not coalesce(
            case
                when tenant_id is null then event_time - previous_at <= {{ dedupe_margin() }}
                when event_time - previous_of_tenant_at <= {{ dedupe_margin() }} then true
                when event_time - previous_known_at <= {{ dedupe_margin() }} then false
                else event_time - previous_at <= {{ dedupe_margin() }}
            end,
            false
        ) as is_head,
        case
            when tenant_id is null then previous_ordinal
            else greatest(previous_of_tenant_ordinal, previous_unknown_ordinal)
        end as predecessor_ordinal
    from neighbours

),

owned as (

    select
        *,
        case
            when is_head then ordinal
            when tenant_id is null then max(case when is_head then ordinal end) over earlier
            else greatest(
                max(case when is_head then ordinal end) over earlier_of_tenant,
                max(case when is_head and tenant_id is null then ordinal end) over earlier
            )
        end as head_ordinal
    from headed
    window
        earlier as (partition by event_id order by ordinal rows between unbounded preceding and 1 preceding),
        earlier_of_tenant as (
            partition by event_id, tenant_id order by ordinal rows between unbounded preceding and 1 preceding
        )

),

compared as (

    select
        owned.*,
        {{ differing_columns(event_columns(), 'owned', 'predecessor') }} as differing_columns,
        predecessor.source as predecessor_source,
        predecessor.uri as predecessor_uri,
        predecessor.line as predecessor_line,
        predecessor.record_index as predecessor_record_index
    from owned
    left join owned as predecessor
        on
            owned.event_id = predecessor.event_id
            and owned.predecessor_ordinal = predecessor.ordinal

),

final as (

    select
        *,
        case
            when is_head then 'head'
            when len(differing_columns) = 0 then 'exact_duplicate'
            else 'conflict'
        end as role
    from compared

)

select * from final
