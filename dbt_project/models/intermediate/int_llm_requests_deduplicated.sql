{% set described = event_columns() | reject('in', ['event_id', 'event_time', 'flags']) | list %}
{% set carried = position_columns() + ['arrived_at', 'format'] %}

with once as (

    select
        stg_llm_events.*,
        cast(1 as bigint) as records
    from {{ ref('stg_llm_events') }} as stg_llm_events
    anti join {{ ref('int_repeated_records_classified') }} as repeated on stg_llm_events.event_id = repeated.event_id
    where {{ near_window('stg_llm_events.event_time') }}

),

repeated as (

    select * from {{ ref('int_repeated_records_classified') }}

),

heads as (

    select
        event_id,
        ordinal,
        event_time
    from repeated
    where role = 'head' and {{ near_window('event_time') }}

),

-- The records of each event, its head's fullest first.
members as (

    select
        repeated.*,
        heads.event_time as head_time,
        row_number() over same_event as fullness,
        count(*) over (partition by heads.event_id, heads.ordinal) as records,
        max(cast(repeated.role = 'conflict' as integer)) over (partition by heads.event_id, heads.ordinal) = 1
            as has_conflict
    from heads
    inner join repeated
        on
            heads.event_id = repeated.event_id
            and heads.ordinal = repeated.head_ordinal
            and repeated.event_time <= heads.event_time + {{ dedupe_margin() }}
    window same_event as (
        partition by heads.event_id, heads.ordinal
        order by
            repeated.known_meters desc, {{ usage_of_spans('repeated') }} desc nulls last, repeated.arrived_at,
            {{ position_columns() | join(', ') }} nulls first
    )

),

several as (

    select
        {{ carried | join(', ') }},
        event_id,
        head_time as event_time,
        {{ described | join(', ') }},
        case
            when has_conflict then {{ list_union('flags', "['conflicting_duplicate']") }}
            else flags
        end as flags,
        records
    from members
    where fullness = 1

),

final as (

    select
        {{ carried | join(', ') }},
        {{ event_columns() | join(', ') }},
        records
    from once

    union all

    select
        {{ carried | join(', ') }},
        {{ event_columns() | join(', ') }},
        records
    from several

)

select * from final
