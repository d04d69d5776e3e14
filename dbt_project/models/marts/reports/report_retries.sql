with attempts as (

    select
        event_date as report_date,
        tenant_id,
        feature,
        request_id,
        cost_usd,
        row_number() over same_request = 1 as is_first,
        lead(event_id) over same_request is not null as is_followed
    from {{ ref('int_report_requests') }}
    where {{ in_report_dates('event_date') }}
    window same_request as (partition by event_date, tenant_id, request_id order by event_time, event_id)

),

final as (

    select
        report_date,
        tenant_id,
        feature,
        count(*) as requests,
        count(request_id) as attempts,
        count(*) filter (where request_id is not null and is_first) as logical_requests,
        count(*) filter (where request_id is not null and is_first and is_followed) as retried_requests,
        count(*) filter (where request_id is not null and not is_first) as retries,
        sum(cost_usd) filter (where request_id is not null and is_followed) as retried_cost_usd,
        count(*) filter (where request_id is not null and is_followed and cost_usd is null) as retried_without_cost
    from attempts
    group by report_date, tenant_id, feature

)

select * from final
