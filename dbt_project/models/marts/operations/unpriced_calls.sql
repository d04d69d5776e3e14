with requests as (

    select
        event_time,
        cost_usd,
        tokens_input,
        tokens_output,
        coalesce(provider, 'unknown') as shown_provider,
        coalesce(model, requested_model, 'unknown') as shown_model
    from {{ ref('int_llm_requests_priced') }}
    where {{ has_flag('unpriced') }}

),

final as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        {{ time_bucket(60, 'event_time') }} + {{ minutes(60) }} as window_end,
        shown_provider as provider,
        shown_model as model,
        count(*) as calls,
        count(*) - count(cost_usd) as calls_without_cost,
        cast(sum(coalesce(tokens_input, 0) + coalesce(tokens_output, 0)) as bigint) as tokens,
        min(event_time) as first_seen_at,
        max(event_time) as last_seen_at
    from requests
    group by all

)

select * from final
