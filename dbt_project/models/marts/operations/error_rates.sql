with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        {{ time_bucket(5, 'event_time') }} as window_start,
        {{ shown_model() }} as model,
        status,
        error_type,
        request_id,
        {{ shown_tenant() }} as shown_tenant_id
    from requests

),

counted as (

    select
        window_start,
        model,
        count(*) as total_requests,
        count(*) filter (where status = 'error') as error_count,
        count(*) filter (where status = 'success') as success_count,
        count(*) filter (where status = 'cancelled') as cancelled_count,
        count(*) filter (where status is null) as unknown_outcome_count,
        count(*) filter (where error_type = 'rate_limit') as rate_limit_errors,
        count(*) filter (where error_type = 'timeout') as timeout_errors,
        count(*) filter (where error_type = 'context_overflow') as context_overflow_errors,
        count(*) filter (where error_type = 'content_filter') as content_filter_errors,
        count(*) filter (where error_type = 'provider_outage') as provider_outage_errors,
        count(*) filter (where error_type = 'authentication') as authentication_errors,
        count(*) filter (where error_type = 'invalid_request') as invalid_request_errors,
        count(*) filter (where error_type = 'cancelled') as cancelled_errors,
        count(*) filter (where error_type = 'other') as other_errors,
        count(*) filter (where status = 'error' and error_type is null) as unclassified_errors
    from shown
    group by window_start, model

),

superfluous as (

    select
        window_start,
        model,
        sum(attempts) as attempts,
        sum(failed_attempts) as failed_attempts
    from (
        {{ superfluous_attempts('shown', ['window_start', 'model', 'shown_tenant_id'], "status = 'error'") }}
    )
    group by window_start, model

),

final as (

    select
        window_start,
        window_start + {{ minutes(5) }} as window_end,
        model,
        total_requests,
        error_count,
        success_count,
        {{ div('100 * error_count', 'total_requests') }} as error_rate_pct,
        cast(total_requests - coalesce(superfluous.attempts, 0) as bigint) as logical_requests,
        cast(error_count - coalesce(superfluous.failed_attempts, 0) as bigint) as failed_logical_requests,
        {{ div('100 * failed_logical_requests', 'logical_requests') }} as logical_error_rate_pct,
        rate_limit_errors,
        timeout_errors,
        context_overflow_errors,
        cancelled_count,
        unknown_outcome_count,
        content_filter_errors,
        provider_outage_errors,
        authentication_errors,
        invalid_request_errors,
        cancelled_errors,
        other_errors,
        unclassified_errors
    from counted
    left join superfluous using (window_start, model)

)

select * from final
