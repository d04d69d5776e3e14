"""The marts of the hand-written script, over its view `requests`: the platform's tables, columns and formulas.

One select per table, written out as an engineer without the platform would: nothing is shared with dbt.
"""

_MODEL = "coalesce(model, case when not success then requested_model end, 'unknown')"
_TENANT = "coalesce(tenant_id, 'unattributed')"
_USER = "coalesce(user_id, 'unknown')"
_PROVIDER = "coalesce(provider, 'unknown')"
_COSTS = """
    sum(cost_usd) as total_cost_usd, sum(list_cost_usd) as list_cost_usd,
    sum(reported_cost_usd) as reported_cost_usd, count(cost_usd) as requests_with_cost,
    count(*) filter (where is_unpriced) as unpriced_requests
"""


def _start(minutes: int) -> str:
    """Start of the window of an event: whole microseconds are a good deal faster than time_bucket."""
    width = minutes * 60_000_000
    return f"make_timestamptz(epoch_us(event_time) // {width} * {width}) as window_start"


def _ended(query: str, minutes: int) -> str:
    """With the window's end, which would only be one more column to group by inside."""
    return f"select *, window_start + interval {minutes} minute as window_end from ({query})"


_BY_OUTCOME = """
    count(*) filter (where success) as request_count,
    count(cost_usd) filter (where success) as requests_with_cost,
    count(*) filter (where success and is_unpriced) as unpriced_requests,
    sum(tokens_total) filter (where success)::bigint as total_tokens,
    sum(cost_usd) filter (where success) as total_cost_usd,
    sum(list_cost_usd) filter (where success) as list_cost_usd,
    sum(reported_cost_usd) filter (where success) as reported_cost_usd,
    count(*) filter (where not success) as failed_requests,
    sum(tokens_total) filter (where not success)::bigint as failed_tokens,
    sum(cost_usd) filter (where not success) as failed_cost_usd,
    count(*) filter (where success is null) as unknown_outcome_requests,
    sum(tokens_total) filter (where success is null)::bigint as unknown_outcome_tokens,
    sum(cost_usd) filter (where success is null) as unknown_outcome_cost_usd,
    total_cost_usd::double / nullif(requests_with_cost, 0) as avg_cost_per_request
"""

_ERRORS = ", ".join(
    f"count(*) filter (where error_type = '{kind}') as {name}"
    for kind, name in {
        "rate_limit": "rate_limit_errors",
        "timeout": "timeout_errors",
        "context_overflow": "context_overflow_errors",
        "content_filter": "content_filter_errors",
        "provider_outage": "provider_outage_errors",
        "authentication": "authentication_errors",
        "invalid_request": "invalid_request_errors",
        "cancelled": "cancelled_errors",
        "other": "other_errors",
    }.items()
)
_METERS = ", ".join(
    f"sum(meter_{meter})::bigint as meter_{meter}"
    for meter in (
        *("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input"),
        *("output_text", "reasoning", "audio_output", "web_search", "request"),
    )
)
_MISSING = """
    count(*) filter (where list_contains(flags, 'unpriced')) as price_missing_requests,
    count(*) filter (where list_contains(flags, 'usage_missing')) as usage_missing_requests
"""

_WINDOW_MINUTES = {
    "llm_operations_metrics": 15,
    "latency_percentiles": 5,
    "error_rates": 5,
    "token_usage_per_user": 60,
    "cost_per_model": 60,
    "cost_per_user": 60,
    "model_quality_drift": 60,
    "latency_histogram": 5,
}


def _superfluous(minutes: int, keys: str, failed: str) -> str:
    """CTEs: the calls with what rows are made by, and of each row the attempts beyond the first of a request.

    Only requests with several attempts need telling apart, and those are few.
    """
    return f"""repeated_ids as (
            select hash(request_id) as id from requests where request_id is not null group by id having count(*) > 1
        ),
        keyed as (
            select *, {_start(minutes)}, {_TENANT} as tenant, {_PROVIDER} as provider_name, {_MODEL} as model_name
            from requests
        ),
        attempts as (
            select {keys}, tenant as caller, request_id, count(*) as attempts,
                count(*) filter (where {failed}) as failures
            from keyed
            where hash(request_id) in (select id from repeated_ids)
            group by all
        ),
        superfluous as (
            select {keys}, sum(attempts - 1)::bigint as attempts,
                sum(case when failures = attempts then failures - 1 else failures end)::bigint as failures
            from attempts
            group by {keys}
        )"""


_QUERIES = {
    "llm_operations_metrics": f"""
        with {_superfluous(15, "window_start, tenant, provider_name, model_name", "not success")},
        counted as (
            select window_start, tenant, provider_name, model_name,
                count(*) filter (where cache_hit) / count(*) as cache_hit_rate,
                avg(tokens_input) as avg_tokens_input, avg(tokens_output) as avg_tokens_output,
                count(*) as total_requests, avg(latency_ms) as avg_latency_ms,
                count(*) filter (where not success) / count(*) as error_rate,
                count(*) filter (where cache_hit) as cache_hits,
                count(*) filter (where success) as successful_requests,
                count(*) filter (where not success) as failed_requests, {_MISSING},
                count(tokens_input) as requests_with_tokens_input, count(tokens_output) as requests_with_tokens_output,
                sum(tokens_input)::bigint as tokens_input, sum(tokens_output)::bigint as tokens_output,
                sum(tokens_total)::bigint as tokens_total, sum(tokens_cache_read)::bigint as tokens_cache_read,
                sum(tokens_cache_write)::bigint as tokens_cache_write,
                sum(tokens_reasoning)::bigint as tokens_reasoning, count(latency_ms) as requests_with_latency,
                sum(latency_ms) as sum_latency_ms, min(latency_ms) as min_latency_ms, max(latency_ms) as max_latency_ms,
                sum(input_cost_usd) as input_cost_usd, sum(output_cost_usd) as output_cost_usd,
                sum(saved_cost_usd) as saved_cost_usd, {_COSTS}
            from keyed
            group by window_start, tenant, provider_name, model_name
        )
        select counted.* exclude (tenant, provider_name, model_name),
            tenant as tenant_id, provider_name as provider, model_name as model,
            total_requests - coalesce(superfluous.attempts, 0) as logical_requests,
            failed_requests - coalesce(superfluous.failures, 0) as failed_logical_requests,
            failed_logical_requests / logical_requests as logical_error_rate
        from counted
        left join superfluous using (window_start, tenant, provider_name, model_name)
    """,
    "latency_percentiles": f"""
        select {_start(5)}, {_MODEL} as model, count(*) as request_count,
            count(latency_ms) as requests_with_latency, min(latency_ms) as p0_ms,
            quantile_cont(latency_ms, 0.5) as p50_ms, quantile_cont(latency_ms, 0.9) as p90_ms,
            quantile_cont(latency_ms, 0.95) as p95_ms, quantile_cont(latency_ms, 0.99) as p99_ms,
            max(latency_ms) as p100_ms
        from requests
        where success
        group by all
    """,
    "error_rates": f"""
        with {_superfluous(5, "window_start, model_name", "status = 'error'")},
        counted as (
            select window_start, model_name, count(*) as total_requests,
                count(*) filter (where status = 'error') as error_count,
                count(*) filter (where status = 'success') as success_count,
                count(*) filter (where status = 'cancelled') as cancelled_count,
                count(*) filter (where status is null) as unknown_outcome_count,
                100 * count(*) filter (where status = 'error') / count(*) as error_rate_pct, {_ERRORS},
                count(*) filter (where status = 'error' and error_type is null) as unclassified_errors
            from keyed
            group by window_start, model_name
        )
        select counted.* exclude (model_name), model_name as model,
            total_requests - coalesce(superfluous.attempts, 0) as logical_requests,
            error_count - coalesce(superfluous.failures, 0) as failed_logical_requests,
            100 * failed_logical_requests / logical_requests as logical_error_rate_pct
        from counted
        left join superfluous using (window_start, model_name)
    """,
    "token_usage_per_user": f"""
        select {_start(60)}, {_USER} as user_id, {_MODEL} as model, count(*) as request_count,
            sum(tokens_input)::bigint as total_prompt_tokens, sum(tokens_output)::bigint as total_completion_tokens,
            sum(tokens_total)::bigint as total_tokens, avg(tokens_total) as avg_tokens_per_request,
            count(tokens_total) as requests_with_total_tokens,
            count(*) filter (where list_contains(flags, 'usage_missing')) as usage_missing_requests,
            sum(tokens_cache_read)::bigint as total_cache_read_tokens,
            sum(tokens_reasoning)::bigint as total_reasoning_tokens, {_COSTS}
        from requests
        group by all
    """,
    "cost_per_model": f"""
        select {_start(60)}, {_MODEL} as model, {_BY_OUTCOME},
            1000 * total_cost_usd::double / nullif(total_tokens, 0) as cost_per_1k_tokens
        from requests
        group by all
    """,
    "cost_per_user": f"""
        select {_start(60)}, {_USER} as user_id, {_BY_OUTCOME}
        from requests
        group by all
    """,
    "model_quality_drift": f"""
        select {_start(60)}, {_MODEL} as model, count(*) as total_requests,
            count(*) filter (where success) as success_count,
            count(*) filter (where finish_reason = 'stop') as natural_stops,
            count(*) filter (where finish_reason = 'length') as truncated,
            count(*) filter (where finish_reason = 'content_filter') as filtered,
            count(*) filter (where finish_reason = 'tool_calls') as tool_calls,
            count(*) filter (where finish_reason not in ('stop', 'length', 'content_filter', 'tool_calls'))
                as other_finishes,
            count(*) filter (where finish_reason is null) as unknown_finishes,
            count(tokens_output) filter (where success) as requests_with_completion_tokens,
            sum(tokens_output) filter (where success)::bigint as completion_tokens,
            100 * natural_stops / nullif(success_count, 0) as completion_rate_pct,
            100 * truncated / nullif(success_count, 0) as truncation_rate_pct,
            completion_tokens / nullif(requests_with_completion_tokens, 0) as avg_completion_tokens
        from requests
        group by all
    """,
    "latency_histogram": f"""
        with counted as (
            select {_start(5)}, {_TENANT} as tenant_id, {_PROVIDER} as provider, {_MODEL} as model,
                case when latency_ms < power(2, -10) then -81 else floor(8 * log2(latency_ms))::integer end as bucket,
                count(*) as request_count, count(*) filter (where success) as success_count
            from requests
            where latency_ms is not null
            group by all
        )
        select *, case when bucket = -81 then 0 else power(2, bucket / 8) end as bucket_lower_ms,
            power(2, (bucket + 1) / 8) as bucket_upper_ms
        from counted
    """,
    "tenant_cost_daily": f"""
        select
            event_time::date as billing_date, {_TENANT} as tenant_id, {_USER} as user_id,
            coalesce(feature, 'unknown') as feature, coalesce(api_key_id, 'unknown') as api_key_id,
            coalesce(config_id, 'unknown') as config_id, coalesce(environment, 'unknown') as environment,
            {_PROVIDER} as provider, {_MODEL} as model,
            count(*) as requests, count(*) filter (where success) as successful_requests,
            count(*) filter (where not success) as failed_requests, count(*) filter (where cache_hit) as cache_hits,
            count(cost_usd) as requests_with_cost, count(*) filter (where is_unpriced) as unpriced_requests, {_MISSING},
            sum(tokens_input)::bigint as tokens_input, sum(tokens_output)::bigint as tokens_output,
            sum(tokens_total)::bigint as tokens_total, {_METERS},
            sum(input_cost_usd) as input_cost_usd, sum(output_cost_usd) as output_cost_usd,
            sum(list_cost_usd) as list_cost_usd, sum(cost_usd) as cost_usd,
            sum(reported_cost_usd) as reported_cost_usd, sum(saved_cost_usd) as saved_cost_usd
        from requests
        group by all
    """,
    # The load is at most a few days: every id that occurs twice in it does so within 30 days.
    "reused_ids": f"""
        with ids as (select hash(event_id) as id from requests group by id having count(*) > 1),
        heads as (
            select event_id, event_time, event_time::date as billing_date, source, {_TENANT} as tenant_id
            from requests
            where hash(event_id) in (select id from ids)
        )
        select dates.billing_date, event_id, count(*) as occurrences, min(event_time) as first_event_time,
            max(event_time) as last_event_time, list_sort(list(distinct source)) as sources,
            list_sort(list(distinct tenant_id)) as tenant_ids
        from (select distinct event_id, billing_date from heads) as dates
        inner join heads using (event_id)
        where heads.billing_date <= dates.billing_date
        group by dates.billing_date, event_id
        having count(*) > 1
    """,
}

MARTS = {
    name: _ended(query, _WINDOW_MINUTES[name]) if name in _WINDOW_MINUTES else query for name, query in _QUERIES.items()
}
