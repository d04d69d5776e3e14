{{ config(tags=['daily'], meta={'dagster': {'ref': {'name': 'tenant_cost_daily'}}}) }}

with dates as (

    select
        'tenant_cost_daily' as mart,
        billing_date
    from {{ ref('tenant_cost_daily') }}
    union all
    select
        'reused_ids' as mart,
        billing_date
    from {{ ref('reused_ids') }}

)

select distinct *
from dates
where not ({{ in_billing_dates('billing_date') }})
