{{ config(materialized='table') }}

{% set book_key = ['price_version', 'provider', 'match_rank'] %}

with calls as (
    select distinct
        provider,
        {{ priced_model_name() }} as model_name,
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

spelled as (
    select distinct provider, model_name, model_name as spelling, 0 as attempt
    from calls
    union all
    select distinct provider, model_name, {{ with_dashed_date('model_name') }} as spelling, 1 as attempt
    from calls
),

matched as (
    select
        models.*,
        spelled.model_name
    from spelled
    inner join models on spelled.provider = models.provider and {{ model_matches('spelled.spelling', 'models.rule') }}
    qualify row_number() over (
        partition by models.price_version, spelled.provider, spelled.model_name
        order by spelled.attempt, models.match_rank
    ) = 1
),

wanted as (
    select
        matched.* exclude (rule, tiers),
        calls.service_tier,
        case when list_contains(matched.tiers, calls.service_tier) then calls.service_tier else 'standard' end
            as priced_tier
    from matched
    inner join calls on matched.provider = calls.provider and matched.model_name = calls.model_name
),

final as (
    select
        wanted.price_version,
        wanted.provider,
        wanted.model_name,
        wanted.service_tier,
        book.effective_from,
        book.effective_to,
        coalesce({{ microsecond_of_time('book.daily_from') }}, 0) as daily_from_us,
        coalesce({{ microsecond_of_time('book.daily_to') }}, 86400000000) as daily_to_us,
        book.tier_start,
        coalesce(book.tier_end - 1, 9223372036854775807) as tier_last,
        book.model as price_model,
        book.context_window,
        {% for meter in all_meters() -%}
            max(book.price_usd) filter (where book.meter = '{{ meter }}') as price_{{ meter }},
            {{ exact_price('price_' ~ meter) }} as exact_price_{{ meter }}{{ ',' if not loop.last }}
        {% endfor %}
    from wanted
    inner join book using ({{ book_key | join(', ') }}, priced_tier)
    where
        book.effective_to > (select min(hours.window_start) from hours)
        and book.effective_from < (select max(hours.window_start) + interval 1 hour from hours)
    group by all
)

select * from final
