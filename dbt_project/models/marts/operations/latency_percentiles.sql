with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

successes as (

    select
        {{ time_bucket(5, 'event_time') }} as window_start,
        {{ shown_model() }} as model,
        latency_ms
    from requests
    where success

),

final as (

    select
        window_start,
        window_start + {{ minutes(5) }} as window_end,
        model,
        count(*) as request_count,
        count(latency_ms) as requests_with_latency,
        min(latency_ms) as p0_ms,
        {{ exact_percentile(0.5, 'latency_ms') }} as p50_ms,
        {{ exact_percentile(0.9, 'latency_ms') }} as p90_ms,
        {{ exact_percentile(0.95, 'latency_ms') }} as p95_ms,
        {{ exact_percentile(0.99, 'latency_ms') }} as p99_ms,
        max(latency_ms) as p100_ms
    from successes
    group by window_start, model

)

select * from final
