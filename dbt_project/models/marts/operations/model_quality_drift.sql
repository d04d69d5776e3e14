with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        {{ shown_model() }} as model,
        success,
        finish_reason,
        tokens_output
    from requests

),

counted as (

    select
        window_start,
        model,
        count(*) as total_requests,
        count(*) filter (where success) as success_count,
        count(*) filter (where finish_reason = 'stop') as natural_stops,
        count(*) filter (where finish_reason = 'length') as truncated,
        count(*) filter (where finish_reason = 'content_filter') as filtered,
        count(*) filter (where finish_reason = 'tool_calls') as tool_calls,
        count(*) filter (where finish_reason not in ('stop', 'length', 'content_filter', 'tool_calls'))
            as other_finishes,
        count(*) filter (where finish_reason is null) as unknown_finishes,
        count(tokens_output) filter (where success) as requests_with_completion_tokens,
        cast(sum(tokens_output) filter (where success) as bigint) as completion_tokens
    from shown
    group by window_start, model

),

final as (

    select
        window_start,
        window_start + {{ minutes(60) }} as window_end,
        model,
        total_requests,
        natural_stops,
        truncated,
        filtered,
        {{ div('100 * natural_stops', 'success_count') }} as completion_rate_pct,
        {{ div('100 * truncated', 'success_count') }} as truncation_rate_pct,
        {{ div('completion_tokens', 'requests_with_completion_tokens') }} as avg_completion_tokens,
        success_count,
        tool_calls,
        other_finishes,
        unknown_finishes,
        requests_with_completion_tokens,
        completion_tokens
    from counted

)

select * from final
