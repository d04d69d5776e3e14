{{ config(materialized='table') }}

{% set group = ['tenant_id', 'feature', 'provider', 'model', 'price_model', 'price_version', 'service_tier'] %}

-- Meters added up over calls for which no price differs, whichever model is asked for: between two instants at
-- which a price changes, and between two sizes of input at which one does. Their product with a price is then that
-- of the single calls.
with midnights as (

    {{ instants(window_start(), window_end() ~ ' - ' ~ minutes(1440), 1440) }}

),

instants as (

    select instant as starts_at
    from midnights
    union
    select effective_from as starts_at
    from {{ ref('int_report_prices') }}
    union
    select midnights.instant + {{ microseconds('prices.daily_from_us') }} as starts_at
    from {{ ref('int_report_prices') }} as prices
    cross join midnights

),

spans as (

    select
        starts_at,
        coalesce(lead(starts_at) over (order by starts_at), {{ window_end() }}) as ends_at
    from instants
    where {{ in_window('starts_at') }}

),

sizes as (

    select
        first_token,
        coalesce(lead(first_token) over (order by first_token) - 1, 9223372036854775807) as last_token
    from (
        select tier_start as first_token
        from {{ ref('int_report_prices') }}
        union
        select 0 as first_token
    )

),

-- A gateway's cache hit consumed nothing, and what a call cost must be known to be compared.
comparable as (

    select *
    from {{ ref('int_report_requests') }}
    where
        {{ in_window('event_time') }}
        and list_cost_usd is not null
        and price_model is not null
        and not coalesce(cache_hit, false)

),

final as (

    select
        comparable.event_date as report_date,
        {% for column in group -%}
            comparable.{{ column }},
        {% endfor -%}
        spans.starts_at,
        sizes.first_token,
        max(comparable.tokens_total) as biggest_request_tokens,
        sum(comparable.list_cost_usd) as list_cost_usd,
        cast(coalesce(
            sum(comparable.meter_input_uncached) filter (where comparable.tokens_cache_read is not null), 0
        ) as bigint) as missed_tokens,
        {% for meter in all_meters() -%}
            cast(sum(comparable.meter_{{ meter }}) as bigint) as meter_{{ meter }},
        {% endfor -%}
        count(*) as requests
    from comparable
    inner join spans on comparable.event_time >= spans.starts_at and comparable.event_time < spans.ends_at
    inner join sizes
        on
            coalesce(comparable.tokens_input, 0) >= sizes.first_token
            and coalesce(comparable.tokens_input, 0) <= sizes.last_token
    group by all

)

select * from final
