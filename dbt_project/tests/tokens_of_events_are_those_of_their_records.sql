{{ config(tags=['hourly']) }}

-- An event takes the fields of one of its records, so over the window: tokens of accepted records, less those
-- of records that head no event, plus what fuller records brought in, are the tokens of the events.
with accepted as (

    select coalesce(sum(tokens_accepted), 0) - coalesce(sum(tokens_dropped), 0) as tokens
    from {{ ref('event_conservation') }}

),

heads as (

    select
        event_id,
        sum(tokens_total) as tokens
    from {{ ref('int_repeated_records_classified') }}
    where role = 'head' and {{ in_window('event_time') }}
    group by event_id

),

of_repeated_ids as (

    select
        priced.event_id,
        sum(priced.tokens_total) as tokens
    from {{ ref('int_llm_requests_priced') }} as priced
    inner join heads on priced.event_id = heads.event_id
    group by priced.event_id

),

brought_in as (

    select coalesce(sum(coalesce(of_repeated_ids.tokens, 0) - coalesce(heads.tokens, 0)), 0) as tokens
    from heads
    left join of_repeated_ids on heads.event_id = of_repeated_ids.event_id

),

events as (

    select coalesce(sum(tokens_total), 0) as tokens
    from {{ ref('int_llm_requests_priced') }}

)

select
    accepted.tokens as accepted_tokens,
    brought_in.tokens as brought_in_tokens,
    events.tokens as event_tokens
from accepted, brought_in, events
where accepted.tokens + brought_in.tokens <> events.tokens
