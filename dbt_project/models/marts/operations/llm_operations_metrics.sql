with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        *,
        {{ time_bucket(15, 'event_time') }} as window_start,
        {{ shown_tenant() }} as shown_tenant_id,
        coalesce(provider, 'unknown') as shown_provider,
        {{ shown_model() }} as shown_model,
        {{ has_flag('unpriced') }} as is_price_missing,
        {{ has_flag('usage_missing') }} as is_usage_missing
    from requests

),

superfluous as (

    {{ superfluous_attempts(
        'shown', ['window_start', 'shown_tenant_id', 'shown_provider', 'shown_model'], 'success = false'
    ) }}

),

counted as (

    select
        window_start,
        shown_tenant_id as tenant_id,
        shown_provider as provider,
        shown_model as model,
        {{ shown_family() }} as model_family,

        count(*) as total_requests,
        count(*) filter (where cache_hit) as cache_hits,
        count(*) filter (where success) as successful_requests,
        count(*) filter (where success = false) as failed_requests,
        count(*) filter (where is_unpriced) as unpriced_requests,
        count(*) filter (where is_price_missing) as price_missing_requests,
        count(*) filter (where is_usage_missing) as usage_missing_requests,

        count(tokens_input) as requests_with_tokens_input,
        count(tokens_output) as requests_with_tokens_output,
        cast(sum(tokens_input) as bigint) as tokens_input,
        cast(sum(tokens_output) as bigint) as tokens_output,
        cast(sum(tokens_total) as bigint) as tokens_total,
        cast(sum(tokens_cache_read) as bigint) as tokens_cache_read,
        cast(sum(tokens_cache_write) as bigint) as tokens_cache_write,
        cast(sum(tokens_reasoning) as bigint) as tokens_reasoning,

        count(latency_ms) as requests_with_latency,
        {{ exact_sum('latency_ms') }} as sum_latency_ms,
        min(latency_ms) as min_latency_ms,
        max(latency_ms) as max_latency_ms,

        count(cost_usd) as requests_with_cost,
        sum(cost_usd) as total_cost_usd,
        sum(input_cost_usd) as input_cost_usd,
        sum(output_cost_usd) as output_cost_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(reported_cost_usd) as reported_cost_usd,
        sum(saved_cost_usd) as saved_cost_usd
    from shown
    group by window_start, shown_tenant_id, shown_provider, shown_model

),

final as (

    select
        counted.window_start,
        counted.window_start + {{ minutes(15) }} as window_end,
        tenant_id,
        provider,
        model,
        model_family,

        {{ div('cache_hits', 'total_requests') }} as cache_hit_rate,
        {{ div('tokens_input', 'requests_with_tokens_input') }} as avg_tokens_input,
        {{ div('tokens_output', 'requests_with_tokens_output') }} as avg_tokens_output,
        total_requests,
        total_cost_usd,
        {{ div('sum_latency_ms', 'requests_with_latency') }} as avg_latency_ms,
        {{ div('failed_requests', 'total_requests') }} as error_rate,

        cache_hits,
        successful_requests,
        failed_requests,
        cast(total_requests - coalesce(superfluous.attempts, 0) as bigint) as logical_requests,
        cast(failed_requests - coalesce(superfluous.failed_attempts, 0) as bigint) as failed_logical_requests,
        {{ div('failed_logical_requests', 'logical_requests') }} as logical_error_rate,
        unpriced_requests,
        price_missing_requests,
        usage_missing_requests,
        requests_with_tokens_input,
        requests_with_tokens_output,
        tokens_input,
        tokens_output,
        tokens_total,
        tokens_cache_read,
        tokens_cache_write,
        tokens_reasoning,
        requests_with_latency,
        sum_latency_ms,
        min_latency_ms,
        max_latency_ms,
        requests_with_cost,
        input_cost_usd,
        output_cost_usd,
        list_cost_usd,
        reported_cost_usd,
        saved_cost_usd
    from counted
    left join superfluous
        on
            counted.window_start = superfluous.window_start
            and counted.tenant_id = superfluous.shown_tenant_id
            and counted.provider = superfluous.shown_provider
            and counted.model = superfluous.shown_model

)

select * from final
