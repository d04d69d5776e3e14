{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'event_conservation'}}}) }}

-- An event takes the fields of one of its records, so over the window: tokens and reported costs of accepted
-- records, less those of records that head no event, plus what fuller records brought in, are those of the events.
with accepted as (

    select
        coalesce(sum(tokens_accepted - tokens_dropped), 0) as tokens,
        coalesce(sum(reported_cost_accepted_usd - reported_cost_dropped_usd), 0) as reported_cost_usd
    from {{ ref('event_conservation') }}

),

heads as (

    select
        event_id,
        coalesce(sum(tokens_total), 0) as tokens,
        coalesce(sum(reported_cost_usd), 0) as reported_cost_usd
    from {{ ref('int_repeated_records_classified') }}
    where role = 'head' and {{ in_window('event_time') }}
    group by event_id

),

of_repeated_ids as (

    select
        event_id,
        sum(tokens_total) as tokens,
        sum(reported_cost_usd) as reported_cost_usd
    from {{ ref('int_llm_requests_priced') }}
    where event_id in (select heads.event_id from heads)
    group by event_id

),

brought_in as (

    select
        coalesce(sum(coalesce(of_repeated_ids.tokens, 0) - heads.tokens), 0) as tokens,
        coalesce(sum(coalesce(of_repeated_ids.reported_cost_usd, 0) - heads.reported_cost_usd), 0)
            as reported_cost_usd
    from heads
    left join of_repeated_ids on heads.event_id = of_repeated_ids.event_id

),

events as (

    select
        coalesce(sum(tokens_total), 0) as tokens,
        coalesce(sum(reported_cost_usd), 0) as reported_cost_usd
    from {{ ref('int_llm_requests_priced') }}

)

select
    accepted.tokens as accepted_tokens,
    brought_in.tokens as brought_in_tokens,
    events.tokens as event_tokens,
    accepted.reported_cost_usd as accepted_cost_usd,
    brought_in.reported_cost_usd as brought_in_cost_usd,
    events.reported_cost_usd as event_cost_usd
from accepted
cross join brought_in
cross join events
where
    accepted.tokens + brought_in.tokens != events.tokens
    or accepted.reported_cost_usd + brought_in.reported_cost_usd != events.reported_cost_usd
