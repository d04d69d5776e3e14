with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        *,
        {{ time_bucket(60, 'event_time') }} as window_start,
        {{ shown_model() }} as shown_model
    from requests

),

counted as (

    select
        window_start,
        shown_model as model,
        {{ shown_family() }} as model_family,
        {{ costs_by_outcome() }}
    from shown
    group by window_start, shown_model

),

final as (

    select
        window_start,
        window_start + {{ minutes(60) }} as window_end,
        model,
        model_family,
        request_count,
        total_tokens,
        total_cost_usd,
        {{ div('total_cost_usd', 'requests_with_cost') }} as avg_cost_per_request,
        1000 * {{ div('total_cost_usd', 'total_tokens') }} as cost_per_1k_tokens,
        requests_with_cost,
        unpriced_requests,
        list_cost_usd,
        reported_cost_usd,
        failed_requests,
        failed_tokens,
        failed_cost_usd,
        unknown_outcome_requests,
        unknown_outcome_tokens,
        unknown_outcome_cost_usd
    from counted

)

select * from final
