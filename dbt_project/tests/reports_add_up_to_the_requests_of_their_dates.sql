{{ config(tags=['report'], meta={'dagster': {'ref': {'name': 'report_usage'}}}) }}

{% set sums = ['requests', 'tokens_total', 'cost_usd'] %}

with expected as (

    select
        {{ utc_date('event_time') }} as report_date,
        count(*) as requests,
        coalesce(sum(tokens_total), 0) as tokens_total,
        coalesce(sum(cost_usd), 0) as cost_usd
    from {{ source('lake', 'llm_requests') }}
    where {{ in_window('event_time') }}
    group by report_date

),

usage as (

    select
        'report_usage' as mart,
        {% for column in sums -%}
            coalesce(sum({{ column }}), 0) as {{ column }},
        {% endfor -%}
        report_date
    from {{ ref('report_usage') }}
    group by report_date

),

spend as (

    select
        'report_spend by ' || dimension as mart,
        {% for column in sums -%}
            coalesce(sum({{ column }}), 0) as {{ column }},
        {% endfor -%}
        report_date
    from {{ ref('report_spend') }}
    where compared_with = 'day before'
    group by mart, report_date

),

found as (

    select * from usage
    union all
    select * from spend

)

select
    found.*,
    {% for column in sums -%}
        expected.{{ column }} as {{ column }}_expected,
    {% endfor -%}
    expected.report_date as report_date_expected
from expected
full outer join found on expected.report_date = found.report_date
where
    found.requests > 0
    and (
        expected.report_date is null
        {% for column in sums -%}
            or expected.{{ column }} != found.{{ column }}
        {% endfor %}
    )
    or found.report_date is null
