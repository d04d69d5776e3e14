{{ config(materialized='view') }}

select
    {{ utc_date('event_time') }} as event_date,
    event_id,
    event_time,
    {{ shown_tenant() }} as tenant_id,
    coalesce(feature, 'unknown') as feature,
    coalesce(provider, 'unknown') as provider,
    {{ shown_model() }} as model,
    user_id,
    request_id,
    tenant_id is null as is_unattributed,

    success,
    finish_reason,
    cache_hit,
    latency_ms,
    tokens_input,
    tokens_cache_read,
    tokens_total,
    {% for meter in all_meters() -%}
        {{ charged_quantity(meter) }} as meter_{{ meter }},
    {% endfor -%}

    cost_usd,
    list_cost_usd,
    saved_cost_usd,
    is_unpriced,
    {{ has_flag('unpriced') }} as is_price_missing,
    {{ has_flag('usage_missing') }} as is_usage_missing,
    price_version,
    price_model,
    {{ priced_service_tier() }} as service_tier
from {{ source('lake', 'llm_requests') }}
where {{ in_report_reach('event_time') }}
