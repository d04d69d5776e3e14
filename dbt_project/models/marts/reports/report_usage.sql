{% set key = ['report_date', 'tenant_id', 'feature', 'provider', 'model'] %}

with usage as (

    select
        * exclude (event_date, measured_tokens, measured_cost_usd),
        event_date as report_date
    from {{ ref('int_report_usage') }}
    where {{ in_report_dates('event_date') }}

),

-- What uncached input cost beyond what the same tokens would have cost as cache reads.
missed as (

    select
        {% for column in key -%}
            meters.{{ column }},
        {% endfor -%}
        sum({{ round_even(
            'meters.missed_tokens * greatest(prices.price_input_uncached - prices.price_cache_read, 0)'
        ) }}) as extra_usd
    from {{ ref('int_report_meters') }} as meters
    inner join {{ ref('int_report_prices') }} as prices on {{ is_price_of('prices', 'meters', 'meters.price_model') }}
    group by all

),

final as (

    select
        usage.*,
        case when usage.prompt_cache_requests > 0 then missed.extra_usd end as prompt_cache_misses_extra_usd
    from usage
    left join missed using ({{ key | join(', ') }})

)

select
    {{ key | join(', ') }},
    requests,
    requests_with_cost,
    tokens_total,
    cost_usd,
    failed_requests,
    paid_failures,
    paid_failures_cost_usd,
    failures_without_cost,
    finished_requests,
    truncated_requests,
    truncated_cost_usd,
    truncated_without_cost,
    gateway_lookups,
    gateway_hits,
    gateway_saved_usd,
    gateway_misses_cost_usd,
    prompt_cache_requests,
    prompt_cache_input_tokens,
    prompt_cache_read_tokens,
    prompt_cache_missed_tokens,
    prompt_cache_misses_extra_usd,
    unpriced_requests,
    price_missing_requests,
    usage_missing_requests,
    unpriced_tokens,
    unpriced_without_tokens,
    unattributed_requests,
    unattributed_tokens,
    unattributed_cost_usd,
    requests_without_user,
    cost_without_user_usd
from final
