{{ config(materialized='table') }}

-- Prices of the models that were used and of those that could have been, by the books that priced the calls.
with used as (

    select distinct
        price_version,
        provider,
        price_model,
        service_tier
    from {{ ref('int_report_requests') }}
    where price_model is not null and {{ in_report_dates('event_date') }}

),

versions as (

    select distinct price_version
    from used

),

asked as (

    select distinct service_tier
    from used

),

wanted as (

    select
        price_version,
        provider,
        price_model
    from used
    union
    select
        versions.price_version,
        classes.provider,
        classes.model as price_model
    from {{ source('lake', 'model_classes') }} as classes
    cross join versions

),

book as (

    select
        *,
        coalesce(service_tier, 'standard') as priced_tier,
        coalesce(valid_from, cast('-infinity' as timestamptz)) as effective_from,
        coalesce(valid_to, cast('infinity' as timestamptz)) as effective_to,
        coalesce({{ microsecond_of_time('daily_from') }}, 0) as daily_from_us,
        coalesce({{ microsecond_of_time('daily_to') }}, 86400000000) as daily_to_us,
        coalesce(tier_end - 1, 9223372036854775807) as tier_last
    from {{ source('lake', 'price_book') }}
    where price_version in (select versions.price_version from versions)

),

-- A few models stand in a book under two rules; the first rule's prices count.
first_rules as (

    select
        price_version,
        provider,
        model,
        min(match_rank) as match_rank
    from book
    group by price_version, provider, model

),

-- A service tier without a price of its own has the standard one.
tiers as (

    select
        book.price_version,
        book.provider,
        book.model,
        asked.service_tier,
        case
            when count(*) filter (where book.priced_tier = asked.service_tier) > 0 then asked.service_tier
            else 'standard'
        end as priced_tier
    from book
    inner join first_rules using (price_version, provider, model, match_rank)
    cross join asked
    group by book.price_version, book.provider, book.model, asked.service_tier

),

final as (

    select
        book.price_version,
        book.provider,
        book.model,
        tiers.service_tier,
        book.effective_from,
        book.effective_to,
        book.daily_from_us,
        book.daily_to_us,
        book.tier_start,
        {% for meter in all_meters() -%}
            max(book.price_usd) filter (where book.meter = '{{ meter }}') as price_{{ meter }},
            {{ exact_price('price_' ~ meter) }} as exact_price_{{ meter }},
        {% endfor -%}
        book.tier_last
    from book
    inner join first_rules using (price_version, provider, model, match_rank)
    inner join tiers using (price_version, provider, model, priced_tier)
    inner join wanted
        on
            book.price_version = wanted.price_version
            and book.provider = wanted.provider
            and book.model = wanted.price_model
    where book.effective_to > {{ window_start() }} and book.effective_from < {{ window_end() }}
    group by all

)

select * from final
