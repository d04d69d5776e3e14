{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'event_conservation'}}}) }}

-- Counted among the raw records, and again among the rows that will be published: the counts have different ways
-- to go wrong. Sums of a number made of the id tell besides that each head is one event, and none is two.
{% set number_of_id = text_hash('event_id') ~ ' % 1000000007' %}

with accepted as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        sum({{ number_of_id }}) as ids
    from {{ source('lake', 'raw_llm_events') }}
    where
        outcome = 'accepted'
        and not {{ is_for_reconciliation('source') }}
        and {{ in_window('event_time') }}
    group by all

),

dropped as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        sum({{ number_of_id }}) as ids
    from {{ ref('int_repeated_records_classified') }}
    where role != 'head' and {{ in_window('event_time') }}
    group by all

),

counted as (

    select
        window_start,
        sum(events) as events,
        sum(conflicts) as conflicts
    from {{ ref('event_conservation') }}
    group by window_start

),

events as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        count(*) as events,
        sum({{ number_of_id }}) as ids
    from {{ ref('int_llm_requests_priced') }}
    group by all

),

conflicts as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        count(*) as conflicts
    from {{ ref('event_conflicts') }}
    group by all

),

compared as (

    select
        window_start,
        coalesce(counted.events, 0) as events_counted,
        coalesce(events.events, 0) as events_published,
        coalesce(counted.conflicts, 0) as conflicts_counted,
        coalesce(conflicts.conflicts, 0) as conflicts_published,
        coalesce(accepted.ids, 0) - coalesce(dropped.ids, 0) as sum_of_head_ids,
        coalesce(events.ids, 0) as sum_of_event_ids
    from accepted
    full outer join dropped using (window_start)
    full outer join counted using (window_start)
    full outer join events using (window_start)
    full outer join conflicts using (window_start)

)

select *
from compared
where
    events_counted != events_published
    or conflicts_counted != conflicts_published
    or sum_of_head_ids != sum_of_event_ids
