-- Seven days that end with the report's. Calls that a gateway answered say nothing about the model.
with calls as (

    select
        days.report_date,
        requests.provider,
        requests.price_model as model,
        requests.success,
        requests.finish_reason,
        requests.latency_ms
    from {{ ref('report_days') }} as days
    inner join {{ ref('int_report_requests') }} as requests
        on
            days.report_date >= requests.event_date
            and days.report_date < requests.event_date + 7
    where requests.price_model is not null and not coalesce(requests.cache_hit, false)

),

counted as (

    select
        report_date,
        provider,
        model,
        count(*) as requests,
        count(success) as requests_with_outcome,
        count(*) filter (where success = false) as failed_requests,
        count(*) filter (where success and finish_reason is not null) as finished_requests,
        count(*) filter (where success and finish_reason = 'length') as truncated_requests,
        count(latency_ms) filter (where success) as requests_with_latency,
        {{ exact_percentile('0.5', 'latency_ms') }} filter (where success) as latency_p50_ms,
        {{ exact_percentile('0.95', 'latency_ms') }} filter (where success) as latency_p95_ms
    from calls
    group by report_date, provider, model

),

final as (

    select
        report_date,
        provider,
        model,
        requests,
        requests_with_outcome,
        failed_requests,
        finished_requests,
        truncated_requests,
        requests_with_latency,
        {{ div('failed_requests', 'requests_with_outcome') }} as error_rate,
        {{ div('truncated_requests', 'finished_requests') }} as truncation_rate,
        latency_p50_ms,
        latency_p95_ms,
        least(requests_with_outcome, finished_requests, requests_with_latency)
        >= (select settings.min_requests from {{ source('lake', 'report_settings') }} as settings) as is_sufficient
    from counted

)

select * from final
