with metered as (
    select * from {{ ref('int_llm_requests_metered') }}
),

multiplied as (
    select
        metered.*,
        {% for meter in all_meters() -%}
            {{ meter_cost(charged_quantity(meter), 'prices.exact_price_' ~ meter, 'prices.price_' ~ meter) }}
                as {{ meter }}_cost,
        {% endfor -%}
        hours.price_version,
        settings.cost as cost_rule,
        prices.price_model,
        prices.context_window
    from metered
    left outer join {{ source('lake', 'window_prices') }} as hours
        on {{ hour_number('metered.event_time') }} = {{ hour_number('hours.window_start') }}
    left outer join {{ source('lake', 'source_settings') }} as settings on metered.source = settings.source
    left outer join {{ ref('int_model_prices_matched') }} as prices
        on
            hours.price_version = prices.price_version
            and {{ priced_provider('metered.') }} = prices.provider
            and metered.model_name = prices.model_name
            and metered.region_scope is not distinct from prices.region_scope
            and metered.priced_tier = prices.service_tier
            and metered.event_time >= prices.effective_from
            and metered.event_time < prices.effective_to
            and {{ microsecond_of_day('metered.event_time') }} >= prices.daily_from_us
            and {{ microsecond_of_day('metered.event_time') }} < prices.daily_to_us
            and coalesce(metered.tokens_input, 0) >= prices.tier_start
            and coalesce(metered.tokens_input, 0) <= prices.tier_last
),

-- What the meters cost at list; unknown if a quantity or a price is, or if a failed call tells of no usage.
final as (
    select
        *,
        meter_input_uncached is not null and meter_output_text is not null and (has_usage or not is_failed)
            as is_usage_known,
        {{ input_meters() | join('_cost + ') }}_cost
            as input_cost,
        {{ output_meters() | join('_cost + ') }}_cost as output_cost,
        case
            when is_usage_known then input_cost + output_cost + web_search_cost + request_cost
        end as metered_cost_usd,
        coalesce(cache_hit, false) as is_cache_hit,
        is_cache_hit or coalesce(
            status = 'error' and not has_usage and status_code in (400, 401, 403, 404, 413, 422, 429), false
        ) as is_free,
        case when is_cache_hit then 0 else metered_cost_usd end as list_cost_usd,
        coalesce(reported_cost_kind = 'estimated', false)
        and not is_cache_hit
        and list_cost_usd is not null
        and not {{ has_flag('reported_cost_zero_is_missing') }} as is_comparable,
        case
            when is_comparable and reported_cost_usd > 0 and list_cost_usd > 0
                then reported_cost_usd > list_cost_usd * 100 or reported_cost_usd < list_cost_usd * 0.01
            else false
        end as is_outlier,
        case
            when is_comparable then coalesce(abs(reported_cost_usd - list_cost_usd) > list_cost_usd * 0.05, false)
            else false
        end as is_disagreeing
    from multiplied
)

select * from final
