{{ config(tags=['hourly']) }}

-- Heads are counted among the records, events among the rows that will be published: the two counts have
-- different ways to go wrong.
with records as (

    select
        window_start,
        sum(events) as heads
    from {{ ref('event_conservation') }}
    group by window_start

),

events as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        count(*) as events
    from {{ ref('int_llm_requests_priced') }}
    group by all

)

select
    coalesce(records.window_start, events.window_start) as window_start,
    records.heads,
    events.events
from records
full outer join events on records.window_start = events.window_start
where records.heads is distinct from events.events
