with dates as (

    {{ report_dates() }}

),

complete as (

    select complete_date
    from {{ source('lake', 'complete_days') }}

),

counted as (

    select
        event_date as report_date,
        sum(requests) as requests,
        sum(requests_with_cost) as requests_with_cost,
        sum(cost_usd) as cost_usd
    from {{ ref('int_report_usage') }}
    group by event_date

),

final as (

    select
        dates.report_date,
        dates.report_date in (select complete.complete_date from complete) as is_complete,
        dates.report_date - 1 in (select complete.complete_date from complete) as day_before_is_complete,
        dates.report_date - 7 in (select complete.complete_date from complete) as week_before_is_complete,
        cast(coalesce(counted.requests, 0) as bigint) as requests,
        cast(coalesce(counted.requests_with_cost, 0) as bigint) as requests_with_cost,
        case when coalesce(counted.requests, 0) = 0 then 0 else counted.cost_usd end as cost_usd
    from dates
    left join counted on dates.report_date = counted.report_date

)

select * from final
