{{ config(tags=['daily'], meta={'dagster': {'ref': {'name': 'tenant_cost_daily'}}}) }}

{% set sums = {'requests': 'count(*)'} %}
{% for column in ['tokens_input', 'tokens_output', 'tokens_total', 'input_cost_usd', 'output_cost_usd',
                  'list_cost_usd', 'cost_usd', 'reported_cost_usd', 'saved_cost_usd'] -%}
    {% do sums.update({column: 'sum(' ~ column ~ ')'}) %}
{%- endfor %}
{% for meter in all_meters() -%}
    {% do sums.update({'meter_' ~ meter: 'sum(meter_' ~ meter ~ ')'}) %}
{%- endfor %}

{# By quarter-hours first, so that the calendar is asked for these and not for every call. #}
with by_quarter as (

    select
        {% for name, expression in sums.items() -%}
            {{ expression }} as {{ name }},
        {% endfor -%}
        {{ time_bucket(15, 'event_time') }} as quarter_start
    from {{ source('lake', 'llm_requests') }}
    where
        {{ near_billing_dates('event_time') }}
    group by quarter_start

),

expected as (

    select
        {% for name in sums -%}
            coalesce(sum({{ name }}), 0) as {{ name }},
        {% endfor -%}
        {{ billing_date('quarter_start') }} as billing_date
    from by_quarter
    group by billing_date
    having {{ in_billing_dates('billing_date') }}

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
