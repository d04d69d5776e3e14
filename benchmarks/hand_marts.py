"""The marts of the hand-written script, over its view `requests`: the platform's tables, columns and formulas.

One select per table, written out as an engineer without the platform would: nothing is shared with dbt.
"""

_MODEL = "coalesce(model, 'unknown')"
_COSTS = """
    sum(cost_usd) as total_cost_usd, sum(list_cost_usd) as list_cost_usd,
    sum(reported_cost_usd) as reported_cost_usd, count(cost_usd) as requests_with_cost
"""

MARTS = {
    "llm_operations_metrics": f"""
        select
            time_bucket(interval 15 minute, event_time) as window_start,
            time_bucket(interval 15 minute, event_time) + interval 15 minute as window_end,
            coalesce(tenant_id, 'unattributed') as tenant_id, coalesce(provider, 'unknown') as provider,
            {_MODEL} as model,
            count(*) filter (where cache_hit) / count(*) as cache_hit_rate,
            avg(tokens_input) as avg_tokens_input, avg(tokens_output) as avg_tokens_output,
            count(*) as total_requests, avg(latency_ms) as avg_latency_ms,
            count(*) filter (where not success) / count(*) as error_rate,
            count(*) filter (where cache_hit) as cache_hits,
            count(*) filter (where success) as successful_requests,
            count(*) filter (where not success) as failed_requests,
            count(distinct request_id) as logical_requests,
            count(distinct request_id) filter (where success) as successful_logical_requests,
            count(*) filter (where is_unpriced) as unpriced_requests,
            sum(tokens_input)::bigint as tokens_input, sum(tokens_output)::bigint as tokens_output,
            sum(tokens_total)::bigint as tokens_total, sum(tokens_cache_read)::bigint as tokens_cache_read,
            sum(latency_ms) as sum_latency_ms, min(latency_ms) as min_latency_ms, max(latency_ms) as max_latency_ms,
            sum(input_cost_usd) as input_cost_usd, sum(output_cost_usd) as output_cost_usd, {_COSTS}
        from requests
        group by 1, 2, 3, 4, 5
    """,
    "latency_percentiles": f"""
        select
            time_bucket(interval 5 minute, event_time) as window_start,
            time_bucket(interval 5 minute, event_time) + interval 5 minute as window_end,
            {_MODEL} as model, count(*) as request_count, min(latency_ms) as p0_ms,
            quantile_cont(latency_ms, 0.5) as p50_ms, quantile_cont(latency_ms, 0.9) as p90_ms,
            quantile_cont(latency_ms, 0.95) as p95_ms, quantile_cont(latency_ms, 0.99) as p99_ms,
            max(latency_ms) as p100_ms
        from requests
        where success
        group by 1, 2, 3
    """,
    "error_rates": f"""
        select
            time_bucket(interval 5 minute, event_time) as window_start,
            time_bucket(interval 5 minute, event_time) + interval 5 minute as window_end,
            {_MODEL} as model, count(*) as total_requests,
            count(*) filter (where not success) as error_count, count(*) filter (where success) as success_count,
            100 * count(*) filter (where not success) / count(*) as error_rate_pct,
            count(*) filter (where error_type = 'rate_limit') as rate_limit_errors,
            count(*) filter (where error_type = 'timeout') as timeout_errors,
            count(*) filter (where error_type = 'context_overflow') as context_overflow_errors,
            count(*) filter (where error_type = 'provider_outage') as provider_outage_errors,
            count(*) filter (where error_type = 'other') as other_errors
        from requests
        group by 1, 2, 3
    """,
    "token_usage_per_user": f"""
        select
            date_trunc('hour', event_time) as window_start,
            date_trunc('hour', event_time) + interval 1 hour as window_end,
            coalesce(user_id, 'unknown') as user_id, {_MODEL} as model, count(*) as request_count,
            sum(tokens_input)::bigint as total_prompt_tokens, sum(tokens_output)::bigint as total_completion_tokens,
            sum(tokens_total)::bigint as total_tokens, avg(tokens_total) as avg_tokens_per_request,
            sum(tokens_cache_read)::bigint as total_cache_read_tokens, {_COSTS}
        from requests
        group by 1, 2, 3, 4
    """,
    "cost_per_model": f"""
        select
            date_trunc('hour', event_time) as window_start,
            date_trunc('hour', event_time) + interval 1 hour as window_end, {_MODEL} as model,
            count(*) filter (where success) as request_count,
            sum(tokens_total) filter (where success)::bigint as total_tokens,
            sum(cost_usd) filter (where success) as total_cost_usd,
            sum(cost_usd) filter (where success)::double / nullif(count(cost_usd) filter (where success), 0)
                as avg_cost_per_request,
            1000 * sum(cost_usd) filter (where success)::double
                / nullif(sum(tokens_total) filter (where success), 0) as cost_per_1k_tokens,
            sum(list_cost_usd) filter (where success) as list_cost_usd,
            sum(reported_cost_usd) filter (where success) as reported_cost_usd,
            count(*) filter (where not success) as failed_requests,
            sum(tokens_total) filter (where not success)::bigint as failed_tokens,
            sum(cost_usd) filter (where not success) as failed_cost_usd
        from requests
        group by 1, 2, 3
    """,
    "cost_per_user": """
        select
            date_trunc('hour', event_time) as window_start,
            date_trunc('hour', event_time) + interval 1 hour as window_end,
            coalesce(user_id, 'unknown') as user_id,
            count(*) filter (where success) as request_count,
            sum(tokens_total) filter (where success)::bigint as total_tokens,
            sum(cost_usd) filter (where success) as total_cost_usd,
            sum(cost_usd) filter (where success)::double / nullif(count(cost_usd) filter (where success), 0)
                as avg_cost_per_request,
            sum(list_cost_usd) filter (where success) as list_cost_usd,
            sum(reported_cost_usd) filter (where success) as reported_cost_usd,
            count(*) filter (where not success) as failed_requests,
            sum(tokens_total) filter (where not success)::bigint as failed_tokens,
            sum(cost_usd) filter (where not success) as failed_cost_usd
        from requests
        group by 1, 2, 3
    """,
    "model_quality_drift": f"""
        select
            date_trunc('hour', event_time) as window_start,
            date_trunc('hour', event_time) + interval 1 hour as window_end, {_MODEL} as model,
            count(*) as total_requests, count(*) filter (where success) as success_count,
            count(*) filter (where finish_reason = 'stop') as natural_stops,
            count(*) filter (where finish_reason = 'length') as truncated,
            count(*) filter (where finish_reason = 'content_filter') as filtered,
            100 * count(*) filter (where finish_reason = 'stop') / nullif(count(*) filter (where success), 0)
                as completion_rate_pct,
            100 * count(*) filter (where finish_reason = 'length') / nullif(count(*) filter (where success), 0)
                as truncation_rate_pct,
            avg(tokens_output) filter (where success) as avg_completion_tokens
        from requests
        group by 1, 2, 3
    """,
    "latency_histogram": f"""
        select
            time_bucket(interval 5 minute, event_time) as window_start,
            time_bucket(interval 5 minute, event_time) + interval 5 minute as window_end,
            coalesce(tenant_id, 'unattributed') as tenant_id, coalesce(provider, 'unknown') as provider,
            {_MODEL} as model, floor(8 * log2(greatest(latency_ms, power(2, -10))))::integer as bucket,
            count(*) as request_count, count(*) filter (where success) as success_count
        from requests
        where latency_ms is not null
        group by 1, 2, 3, 4, 5, 6
    """,
    "tenant_cost_daily": f"""
        select
            event_time::date as billing_date, coalesce(tenant_id, 'unattributed') as tenant_id,
            coalesce(user_id, 'unknown') as user_id, coalesce(provider, 'unknown') as provider, {_MODEL} as model,
            count(*) as requests, count(*) filter (where success) as successful_requests,
            count(*) filter (where not success) as failed_requests, count(*) filter (where cache_hit) as cache_hits,
            count(*) filter (where is_unpriced) as unpriced_requests,
            sum(tokens_input)::bigint as tokens_input, sum(tokens_output)::bigint as tokens_output,
            sum(tokens_total)::bigint as tokens_total, sum(meter_input_uncached)::bigint as meter_input_uncached,
            sum(meter_cache_read)::bigint as meter_cache_read, sum(meter_output_text)::bigint as meter_output_text,
            sum(input_cost_usd) as input_cost_usd, sum(output_cost_usd) as output_cost_usd, {_COSTS}
        from requests
        group by 1, 2, 3, 4, 5
    """,
}
