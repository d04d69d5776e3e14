{{ config(materialized='hour_parquet', time_column='event_time') }}

{% set uncounted = ['flags', 'saved_cost_usd'] %}
{% set attributes = event_columns() | reject('in', uncounted) | list %}

with requests as (
    select
        *,
        {{ priced_model_name() }} as model_name,
        {{ priced_service_tier() }} as priced_tier,
        {{ output_tokens() }} as counted_output,
        coalesce(status in ('error', 'cancelled'), false) as is_failed,
        coalesce(tokens_input > 0, false) or coalesce(tokens_output > 0, false)
        or coalesce(web_search_requests > 0, false) as has_usage
    from {{ ref('int_llm_requests_deduplicated') }}
),

-- Disjoint: each part takes at most what the parts before it left, so that meters add up to the tokens.
metered as (
    select
        *,
        {{ part_of('tokens_cache_read', 'tokens_input') }} as meter_cache_read,
        {{ part_of('coalesce(tokens_cache_write, tokens_cache_write_1h)', 'tokens_input - meter_cache_read') }}
            as cache_write,
        {{ part_of('tokens_cache_write_1h', 'cache_write') }} as meter_cache_write_1h,
        cache_write - meter_cache_write_1h as meter_cache_write_5m,
        tokens_input - meter_cache_read - cache_write as uncached,
        {{ part_of('tokens_audio_input', 'uncached') }} as meter_audio_input,
        {{ part_of('tokens_image_input', 'uncached - meter_audio_input') }} as meter_image_input,
        uncached - meter_audio_input - meter_image_input as meter_input_uncached,
        {{ part_of('tokens_reasoning', 'counted_output') }} as meter_reasoning,
        {{ part_of('tokens_audio_output', 'counted_output - meter_reasoning') }} as meter_audio_output,
        counted_output - meter_reasoning - meter_audio_output as meter_output_text,
        web_search_requests as meter_web_search,
        cast(1 as bigint) as meter_request
    from requests
),

multiplied as (
    select
        metered.*,
        hours.price_version,
        settings.cost as cost_rule,
        prices.price_model,
        prices.context_window,
        {% for meter in all_meters() -%}
            {% set quantity = 'metered.meter_' ~ meter if meter != 'web_search' else 'coalesce(metered.meter_web_search, 0)' -%}
            {{ meter_cost(quantity, 'prices.exact_price_' ~ meter, 'prices.price_' ~ meter) }}
                as {{ meter }}_cost{{ ',' if not loop.last }}
        {% endfor %}
    from metered
    left join {{ source('lake', 'window_prices') }} as hours
        on {{ hour_number('metered.event_time') }} = {{ hour_number('hours.window_start') }}
    left join {{ source('lake', 'source_settings') }} as settings on metered.source = settings.source
    left join {{ ref('int_model_prices_matched') }} as prices
        on
            hours.price_version = prices.price_version
            and metered.provider = prices.provider
            and metered.model_name = prices.model_name
            and metered.priced_tier = prices.service_tier
            and metered.event_time >= prices.effective_from
            and metered.event_time < prices.effective_to
            and {{ microsecond_of_day('metered.event_time') }} >= prices.daily_from_us
            and {{ microsecond_of_day('metered.event_time') }} < prices.daily_to_us
            and coalesce(metered.tokens_input, 0) >= prices.tier_start
            and coalesce(metered.tokens_input, 0) < prices.tier_end
),

-- What the meters cost at list; unknown if a quantity or a price is, or if a failed call tells of no usage.
metered_cost as (
    select
        *,
        meter_input_uncached is not null and meter_output_text is not null and (has_usage or not is_failed)
            as is_usage_known,
        {{ input_meters() | join('_cost + ') }}_cost as input_cost,
        {{ output_meters() | join('_cost + ') }}_cost as output_cost,
        case when is_usage_known then input_cost + output_cost + {{ other_meters() | join('_cost + ') }}_cost end
            as metered_cost_usd,
        coalesce(cache_hit, false) as is_cache_hit,
        is_cache_hit or coalesce(
            status = 'error' and not has_usage and status_code in (400, 401, 403, 404, 413, 422, 429), false
        ) as is_free,
        case when is_cache_hit then 0 else metered_cost_usd end as list_cost_usd,
        reported_cost_kind is not distinct from 'estimated' and not is_cache_hit and list_cost_usd is not null
        and not {{ has_flag('reported_cost_zero_is_missing') }} as is_comparable,
        coalesce(is_comparable and reported_cost_usd > 0 and list_cost_usd > 0 and (
            reported_cost_usd > list_cost_usd * 100 or reported_cost_usd < list_cost_usd * 0.01
        ), false) as is_outlier,
        coalesce(is_comparable and abs(reported_cost_usd - list_cost_usd) > list_cost_usd * 0.05, false)
            as is_disagreeing
    from multiplied
),

decided as (
    select
        *,
        case
            when cost_rule = 'reported' and reported_cost_usd is not null then 'reported'
            when reported_cost_kind = 'billed' and reported_cost_usd is not null then 'billed'
            when is_free then 'free'
            when list_cost_usd is not null then 'list'
            when reported_cost_kind = 'estimated' and reported_cost_usd > 0 and not is_outlier then 'estimated'
            else 'unpriced'
        end as cost_source
    from metered_cost
),

final as (
    select
        {% for column in attributes -%}
            {{ column }},
            {{ 'arrived_at,' if column == 'event_time' }}
        {% endfor -%}
        case when is_cache_hit then coalesce(saved_cost_usd, metered_cost_usd) else saved_cost_usd end as saved_cost_usd,
        {{ with_flags('flags', {
            'usage_missing': 'not is_usage_known and not is_free',
            'unpriced': 'is_usage_known and list_cost_usd is null',
            'cost_outlier': 'is_outlier',
            'cost_disagrees': 'is_disagreeing',
            'exceeds_context_window': 'tokens_input > context_window',
        }) }} as flags,
        source,
        uri,
        line,
        record_index,
        records,
        {% for meter in all_meters() -%}
            meter_{{ meter }},
        {% endfor -%}
        case when is_cache_hit then 0 when list_cost_usd is not null then input_cost end as input_cost_usd,
        case when is_cache_hit then 0 when list_cost_usd is not null then output_cost end as output_cost_usd,
        list_cost_usd,
        case
            when cost_source in ('reported', 'billed', 'estimated') then reported_cost_usd
            when cost_source = 'free' then 0
            when cost_source = 'list' then list_cost_usd
        end as cost_usd,
        cost_source,
        price_version,
        price_model,
        cost_source = 'unpriced' as is_unpriced
    from decided
)

select * from final
