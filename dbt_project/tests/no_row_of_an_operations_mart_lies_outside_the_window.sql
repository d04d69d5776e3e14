{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'llm_requests'}}}) }}

{% set marts = [
    'llm_operations_metrics', 'latency_percentiles', 'error_rates', 'token_usage_per_user',
    'cost_per_model', 'cost_per_user', 'model_quality_drift', 'latency_histogram', 'event_conservation',
    'unpriced_calls',
] %}

with spans as (

    select
        'llm_requests' as mart,
        min(event_time) as first_instant,
        max(event_time) as last_instant
    from {{ ref('llm_requests') }}
    union all
    select
        'event_conflicts' as mart,
        min(event_time) as first_instant,
        max(event_time) as last_instant
    from {{ ref('event_conflicts') }}
    {% for mart in marts -%}
        union all
        select
            '{{ mart }}' as mart,
            min(window_start) as first_instant,
            max(window_start) as last_instant
        from {{ ref(mart) }}
    {% endfor %}

)

select *
from spans
where first_instant < {{ window_start() }} or last_instant >= {{ window_end() }}
