{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'event_conservation'}}}) }}

-- An event takes the fields of one of its records, so in every hour: tokens and reported costs of accepted raw
-- records, less those of records that head no event, plus what fuller records brought in, are those of the events.
with raw_records as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        sum(tokens_total) as tokens,
        sum(reported_cost_usd) as reported_cost_usd
    from {{ source('lake', 'raw_llm_events') }}
    where outcome = 'accepted' and {{ in_window('event_time') }}
    group by window_start

),

dropped as (

    select
        window_start,
        sum(tokens_dropped) as tokens,
        sum(reported_cost_dropped_usd) as reported_cost_usd
    from {{ ref('event_conservation') }}
    group by window_start

),

heads as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        event_id,
        sum(tokens_total) as tokens,
        sum(reported_cost_usd) as reported_cost_usd
    from {{ ref('int_repeated_records_classified') }}
    where role = 'head' and {{ in_window('event_time') }}
    group by window_start, event_id

),

of_repeated_ids as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        event_id,
        sum(tokens_total) as tokens,
        sum(reported_cost_usd) as reported_cost_usd
    from {{ ref('int_llm_requests_priced') }}
    where event_id in (select heads.event_id from heads)
    group by window_start, event_id

),

brought_in as (

    select
        heads.window_start,
        sum(coalesce(of_repeated_ids.tokens, 0) - coalesce(heads.tokens, 0)) as tokens,
        sum(coalesce(of_repeated_ids.reported_cost_usd, 0) - coalesce(heads.reported_cost_usd, 0))
            as reported_cost_usd
    from heads
    left join of_repeated_ids using (window_start, event_id)
    group by heads.window_start

),

events as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        sum(tokens_total) as tokens,
        sum(reported_cost_usd) as reported_cost_usd
    from {{ ref('int_llm_requests_priced') }}
    group by window_start

),

compared as (

    select
        window_start,
        coalesce(raw_records.tokens, 0) as record_tokens,
        coalesce(dropped.tokens, 0) as dropped_tokens,
        coalesce(brought_in.tokens, 0) as brought_in_tokens,
        coalesce(events.tokens, 0) as event_tokens,
        coalesce(raw_records.reported_cost_usd, 0) as record_cost_usd,
        coalesce(dropped.reported_cost_usd, 0) as dropped_cost_usd,
        coalesce(brought_in.reported_cost_usd, 0) as brought_in_cost_usd,
        coalesce(events.reported_cost_usd, 0) as event_cost_usd
    from raw_records
    full outer join dropped using (window_start)
    full outer join brought_in using (window_start)
    full outer join events using (window_start)

)

select *
from compared
where
    record_tokens - dropped_tokens + brought_in_tokens != event_tokens
    or record_cost_usd - dropped_cost_usd + brought_in_cost_usd != event_cost_usd
