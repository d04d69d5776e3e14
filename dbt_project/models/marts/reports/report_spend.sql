{% set dimensions = {
    'all': "'all'",
    'tenant': 'tenant_id',
    'feature': 'feature',
    'provider': 'provider',
    'model': 'model',
} %}
{% set cell = ['tenant_id', 'feature', 'provider', 'model'] %}
{% set sums = ['requests', 'unpriced_requests', 'tokens_total', 'cost_usd', 'measured_tokens', 'measured_cost_usd'] %}

with comparisons as (

    select
        report_date,
        'day before' as compared_with,
        report_date - 1 as base_date,
        day_before_is_complete as is_known
    from {{ ref('report_days') }}
    union all
    select
        report_date,
        'week before' as compared_with,
        report_date - 7 as base_date,
        week_before_is_complete as is_known
    from {{ ref('report_days') }}

),

-- Both days' usage of every tenant, feature, provider and model that had a call on either.
cells as (

    select
        comparisons.report_date,
        comparisons.compared_with,
        comparisons.is_known,
        {{ cell | join(', ') }},
        {% for column in sums -%}
            sum({{ column }}) filter (where usage.event_date = comparisons.report_date) as {{ column }},
            sum({{ column }}) filter (where usage.event_date = comparisons.base_date) as {{ column }}_before,
        {% endfor -%}
        max(usage.event_date) as last_event_date
    from comparisons
    inner join {{ ref('int_report_usage') }} as usage
        on
            comparisons.report_date = usage.event_date
            or (comparisons.base_date = usage.event_date and comparisons.is_known)
    group by all

),

rated as (

    select
        *,
        case
            when measured_tokens > 0 and measured_tokens_before > 0
                then
                    measured_cost_usd
                    - {{ prorated('measured_cost_usd_before', 'measured_tokens', 'measured_tokens_before') }}
            else 0
        end as rate_effect_usd
    from cells

),

named as (

    {% for dimension, name in dimensions.items() -%}
        select
            '{{ dimension }}' as dimension,
            {{ name }} as name,
            *
        from rated
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

grouped as (

    select
        report_date,
        dimension,
        name,
        compared_with,
        is_known,
        {% for column in sums -%}
            sum({{ column }}) as {{ column }},
            sum({{ column }}_before) as {{ column }}_before,
        {% endfor -%}
        sum(rate_effect_usd) as rate_effect_usd
    from named
    group by all

),

-- No call is a real zero; calls of unknown cost are not. Of a day that is not complete nothing is known.
compared as (

    select
        *,
        case when coalesce(requests, 0) = 0 then 0 else cost_usd end as cost_now_usd,
        case
            when not is_known then null
            when coalesce(requests_before, 0) = 0 then 0
            else cost_usd_before
        end as cost_before_usd,
        cost_now_usd - cost_before_usd as change_usd,
        case
            when change_usd is null then null
            when coalesce(measured_tokens_before, 0) = 0
                then coalesce(measured_cost_usd, 0) - coalesce(measured_cost_usd_before, 0)
            else
                {{ prorated('measured_cost_usd_before', 'coalesce(measured_tokens, 0)', 'measured_tokens_before') }}
                - measured_cost_usd_before
        end as volume_effect_usd,
        case when change_usd is not null then rate_effect_usd end as known_rate_effect_usd
    from grouped

),

final as (

    select
        report_date,
        dimension,
        name,
        compared_with,
        cast(coalesce(requests, 0) as bigint) as requests,
        cast(coalesce(unpriced_requests, 0) as bigint) as unpriced_requests,
        cast(tokens_total as bigint) as tokens_total,
        cost_now_usd as cost_usd,
        cast(case when is_known then coalesce(requests_before, 0) end as bigint) as requests_before,
        cast(case when is_known then coalesce(unpriced_requests_before, 0) end as bigint) as unpriced_requests_before,
        cast(tokens_total_before as bigint) as tokens_total_before,
        cost_before_usd,
        change_usd,
        volume_effect_usd,
        known_rate_effect_usd as rate_effect_usd,
        change_usd - volume_effect_usd - known_rate_effect_usd as mix_effect_usd
    from compared

)

select * from final
