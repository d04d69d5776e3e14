{% set shown = 100 %}

with usage as (

    select
        event_date,
        tenant_id,
        user_id,
        count(*) as requests,
        count(*) filter (where is_unpriced) as unpriced_requests,
        cast(sum(tokens_total) as bigint) as tokens_total,
        sum(cost_usd) as cost_usd
    from {{ ref('int_report_requests') }}
    where user_id is not null
    group by event_date, tenant_id, user_id

),

ranked as (

    select
        *,
        event_date as report_date,
        row_number() over (
            partition by event_date
            order by cost_usd desc nulls last, tenant_id asc, user_id asc
        ) as cost_rank
    from usage
    where {{ in_report_dates('event_date') }}

),

final as (

    select
        ranked.report_date,
        cast(ranked.cost_rank as integer) as cost_rank,
        ranked.tenant_id,
        ranked.user_id,
        ranked.requests,
        ranked.unpriced_requests,
        ranked.tokens_total,
        ranked.cost_usd,
        case
            when not days.day_before_is_complete then null
            when before.requests is null then 0
            else before.cost_usd
        end as day_before_cost_usd
    from ranked
    inner join {{ ref('report_days') }} as days on ranked.report_date = days.report_date
    left join usage as before
        on
            ranked.report_date - 1 = before.event_date
            and ranked.tenant_id = before.tenant_id
            and ranked.user_id = before.user_id
    where ranked.cost_rank <= {{ shown }}

)

select * from final
