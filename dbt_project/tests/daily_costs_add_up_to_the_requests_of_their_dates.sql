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
        {% for name, expression in sums.items() -%}
            coalesce({{ expression }}, 0) as {{ name }},
        {% endfor -%}
        billing_date
    from dated
    where {{ in_billing_dates('billing_date') }}
    group by billing_date

),

found as (

    select
        {% for name in sums -%}
            coalesce(sum({{ name }}), 0) as {{ name }},
        {% endfor -%}
        billing_date
    from {{ ref('tenant_cost_daily') }}
    group by billing_date

)

select
    {% for name in sums -%}
        expected.{{ name }} as {{ name }}_expected,
        found.{{ name }} as {{ name }}_found,
    {% endfor -%}
    coalesce(expected.billing_date, found.billing_date) as billing_date
from expected
full outer join found on expected.billing_date = found.billing_date
where
    expected.billing_date is distinct from found.billing_date
    {% for name in sums -%}
        or expected.{{ name }} is distinct from found.{{ name }}
    {% endfor %}
