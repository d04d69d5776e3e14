{{ config(materialized='table') }}

{% set book_key = ['price_version', 'provider', 'match_rank'] %}

with calls as (
    select distinct
        {{ priced_provider() }} as provider,
        {{ priced_model_name() }} as model_name,
        region_scope,
        {{ priced_service_tier() }} as service_tier
    from {{ ref('stg_llm_events') }}
),

hours as (
    select * from {{ source('lake', 'window_prices') }}
),

book as (
    select
        *,
        coalesce(service_tier, 'standard') as priced_tier,
        coalesce(valid_from, cast('-infinity' as timestamptz)) as effective_from,
        coalesce(valid_to, cast('infinity' as timestamptz)) as effective_to
    from {{ source('lake', 'price_book') }}
    where
        price_version in (select hours.price_version from hours)
        and provider in (select calls.provider from calls)
),

models as (
    select
        {{ book_key | join(', ') }},
        any_value(match) as rule,
        list(distinct priced_tier) as tiers
    from book
    group by {{ book_key | join(', ') }}
),

-- Every way to write a name, the first that a model is found by counts. A cross-region profile has a price of
-- its own, and the book names it as the provider does: global.anthropic.claude-…
spellings as (
    select
        provider,
        model_name,
        region_scope,
        region_scope || '.' || model_name as spelling,
        0 as attempt
    from calls
    union
    select
        provider,
        model_name,
        region_scope,
        model_name as spelling,
        1 as attempt
    from calls
),

spelled as (
    select * from spellings
    union
    select
        provider,
        model_name,
        region_scope,
        {{ with_dashed_date('spelling') }} as spelling,
        attempt + 2 as attempt
    from spellings
    where {{ with_dashed_date('spelling') }} != spelling
),

matched as (
    select
        models.* exclude (rule),
        spelled.model_name,
        spelled.region_scope
    from spelled
    inner join models on spelled.provider = models.provider and {{ model_matches('spelled.spelling', 'models.rule') }}
    qualify row_number() over (
        partition by models.price_version, spelled.provider, spelled.model_name, spelled.region_scope
        order by spelled.attempt, models.match_rank
    ) = 1
),

wanted as (
    select
        matched.* exclude (tiers),
        calls.service_tier,
        case when list_contains(matched.tiers, calls.service_tier) then calls.service_tier else 'standard' end
            as priced_tier
    from matched
    inner join calls
        on
            matched.provider = calls.provider
            and matched.model_name = calls.model_name
            and matched.region_scope is not distinct from calls.region_scope
),

final as (
    select
        wanted.price_version,
        wanted.provider,
        wanted.model_name,
        wanted.region_scope,
        wanted.service_tier,
        book.effective_from,
        book.effective_to,
        coalesce({{ microsecond_of_time('book.daily_from') }}, 0) as daily_from_us,
        coalesce({{ microsecond_of_time('book.daily_to') }}, 86400000000) as daily_to_us,
        book.tier_start,
        coalesce(book.tier_end - 1, 9223372036854775807) as tier_last,
        {% for meter in all_meters() -%}
            max(book.price_usd) filter (where book.meter = '{{ meter }}') as price_{{ meter }},
            {{ exact_price('price_' ~ meter) }} as exact_price_{{ meter }},
        {% endfor -%}
        book.model as price_model,
        book.context_window
    from wanted
    inner join book using ({{ book_key | join(', ') }}, priced_tier)
    where
        book.effective_to > (select min(hours.window_start) from hours)
        and book.effective_from < (select max(hours.window_start) + interval 1 hour from hours)
    group by all
)

select * from final
