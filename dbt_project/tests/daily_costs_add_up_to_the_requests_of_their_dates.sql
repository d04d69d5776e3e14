{{ config(tags=['daily'], meta={'dagster': {'ref': {'name': 'tenant_cost_daily'}}}) }}

{% set sums = {
    'requests': 'count(*)',
    'tokens_total': 'sum(tokens_total)',
    'meter_input_uncached': 'sum(meter_input_uncached)',
    'meter_output_text': 'sum(meter_output_text)',
    'meter_request': 'sum(meter_request)',
    'list_cost_usd': 'sum(list_cost_usd)',
    'cost_usd': 'sum(cost_usd)',
    'reported_cost_usd': 'sum(reported_cost_usd)',
} %}

with dated as (

    select
        *,
        {{ billing_date('event_time') }} as billing_date
    from {{ source('lake', 'llm_requests') }}
    where
        {{ near_billing_dates('event_time') }}

),

expected as (

    select
        billing_date,
        {% for name, expression in sums.items() -%}
            coalesce({{ expression }}, 0) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from dated
    where
        billing_date >= {{ first_billing_date() }}
        and billing_date < {{ end_billing_date() }}
    group by billing_date

),

found as (

    select
        billing_date,
        {% for name in sums -%}
            coalesce(sum({{ name }}), 0) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('tenant_cost_daily') }}
    group by billing_date

)

select
    coalesce(expected.billing_date, found.billing_date) as billing_date,
    {% for name in sums -%}
        expected.{{ name }} as {{ name }}_expected,
        found.{{ name }} as {{ name }}_found{{ ',' if not loop.last }}
    {% endfor %}
from expected
full outer join found on expected.billing_date = found.billing_date
where
    {% for name in sums -%}
        expected.{{ name }} is distinct from found.{{ name }}{{ ' or ' if not loop.last }}
    {% endfor %}
