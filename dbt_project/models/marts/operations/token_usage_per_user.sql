with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        *,
        {{ time_bucket(60, 'event_time') }} as window_start,
        coalesce(user_id, 'unknown') as shown_user_id,
        {{ shown_model() }} as shown_model,
        {{ has_flag('usage_missing') }} as is_usage_missing
    from requests

),

counted as (

    select
        window_start,
        shown_user_id as user_id,
        shown_model as model,
        count(*) as request_count,
        count(tokens_total) as requests_with_total_tokens,
        count(*) filter (where is_usage_missing) as usage_missing_requests,
        count(*) filter (where is_unpriced) as unpriced_requests,
        count(cost_usd) as requests_with_cost,
        cast(sum(tokens_input) as bigint) as total_prompt_tokens,
        cast(sum(tokens_output) as bigint) as total_completion_tokens,
        cast(sum(tokens_total) as bigint) as total_tokens,
        cast(sum(tokens_cache_read) as bigint) as total_cache_read_tokens,
        cast(sum(tokens_reasoning) as bigint) as total_reasoning_tokens,
        sum(cost_usd) as total_cost_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(reported_cost_usd) as reported_cost_usd
    from shown
    group by window_start, shown_user_id, shown_model

),

final as (

    select
        window_start,
        window_start + {{ minutes(60) }} as window_end,
        user_id,
        model,
        request_count,
        total_prompt_tokens,
        total_completion_tokens,
        total_tokens,
        {{ div('total_tokens', 'requests_with_total_tokens') }} as avg_tokens_per_request,
        total_cost_usd,
        requests_with_total_tokens,
        usage_missing_requests,
        unpriced_requests,
        requests_with_cost,
        total_cache_read_tokens,
        total_reasoning_tokens,
        list_cost_usd,
        reported_cost_usd
    from counted

)

select * from final
