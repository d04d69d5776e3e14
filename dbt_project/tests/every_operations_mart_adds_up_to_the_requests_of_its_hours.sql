{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'llm_requests'}}}) }}

{# Per hour: requests, tokens, money (what a call cost; for the metrics also at list prices and as reported).
   Where a mart has no such column, the requests' own sum stands in. #}
with requests as (

    select
        {{ time_bucket(60, 'event_time') }} as hour,
        count(*) as requests,
        sum(tokens_total) as tokens,
        sum(tokens_output) filter (where success) as completion_tokens,
        sum(cost_usd) as cost_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(reported_cost_usd) as reported_cost_usd,
        count(*) filter (where success) as successes,
        count(*) filter (where success and latency_ms is not null) as timed_successes,
        count(latency_ms) as timed_requests
    from {{ ref('int_llm_requests_priced') }}
    group by hour

),

expected as (

    {% for mart, measures in {
        'llm_requests': ('requests', 'tokens', 'cost_usd'),
        'llm_operations_metrics': ('requests', 'tokens', 'cost_usd'),
        'llm_operations_metrics at list prices': ('requests', 'tokens', 'list_cost_usd'),
        'llm_operations_metrics as reported': ('requests', 'tokens', 'reported_cost_usd'),
        'token_usage_per_user': ('requests', 'tokens', 'cost_usd'),
        'cost_per_model': ('requests', 'tokens', 'cost_usd'),
        'cost_per_user': ('requests', 'tokens', 'cost_usd'),
        'error_rates': ('requests', 'successes', 'null'),
        'model_quality_drift': ('requests', 'completion_tokens', 'null'),
        'latency_percentiles': ('successes', 'timed_successes', 'null'),
        'latency_histogram': ('timed_requests', 'timed_successes', 'null'),
    }.items() -%}
        {{ 'union all' if not loop.first }}
        select
            '{{ mart }}' as mart,
            hour,
            {{ measures[0] }} as requests,
            {{ measures[1] }} as quantity,
            cast({{ measures[2] }} as decimal(38, 12)) as cost_usd
        from requests
        where {{ measures[0] }} > 0
    {% endfor %}

),

found as (

    {% set no_cost = 'cast(null as decimal(38, 12))' %}
    {% set by_outcome = (
        'sum(request_count + failed_requests + unknown_outcome_requests)',
        'sum(coalesce(total_tokens, 0) + coalesce(failed_tokens, 0) + coalesce(unknown_outcome_tokens, 0))',
        'sum(coalesce(total_cost_usd, 0) + coalesce(failed_cost_usd, 0) + coalesce(unknown_outcome_cost_usd, 0))',
    ) %}
    {% for mart, measures in {
        'llm_requests': ('count(*)', 'sum(tokens_total)', 'sum(cost_usd)'),
        'llm_operations_metrics': ('sum(total_requests)', 'sum(tokens_total)', 'sum(total_cost_usd)'),
        'llm_operations_metrics at list prices': (
            'sum(total_requests)', 'sum(tokens_total)', 'sum(list_cost_usd)'
        ),
        'llm_operations_metrics as reported': (
            'sum(total_requests)', 'sum(tokens_total)', 'sum(reported_cost_usd)'
        ),
        'token_usage_per_user': ('sum(request_count)', 'sum(total_tokens)', 'sum(total_cost_usd)'),
        'cost_per_model': by_outcome,
        'cost_per_user': by_outcome,
        'error_rates': ('sum(total_requests)', 'sum(success_count)', no_cost),
        'model_quality_drift': ('sum(total_requests)', 'sum(completion_tokens)', no_cost),
        'latency_percentiles': ('sum(request_count)', 'sum(requests_with_latency)', no_cost),
        'latency_histogram': ('sum(request_count)', 'sum(success_count)', no_cost),
    }.items() -%}
        {{ 'union all' if not loop.first }}
        select
            '{{ mart }}' as mart,
            {{ time_bucket(60, 'event_time' if mart == 'llm_requests' else 'window_start') }} as hour,
            {{ measures[0] }} as requests,
            {{ measures[1] }} as quantity,
            {{ measures[2] }} as cost_usd
        from {{ ref(mart.split()[0]) }}
        group by hour
    {% endfor %}

),

compared as (

    select
        coalesce(expected.mart, found.mart) as mart,
        coalesce(expected.hour, found.hour) as hour,
        coalesce(expected.requests, 0) as requests_expected,
        coalesce(found.requests, 0) as requests_found,
        coalesce(expected.quantity, 0) as quantity_expected,
        coalesce(found.quantity, 0) as quantity_found,
        coalesce(expected.cost_usd, 0) as cost_usd_expected,
        coalesce(found.cost_usd, 0) as cost_usd_found
    from expected
    full outer join found on expected.mart = found.mart and expected.hour = found.hour

)

select *
from compared
where
    requests_expected != requests_found
    or quantity_expected != quantity_found
    or cost_usd_expected != cost_usd_found
