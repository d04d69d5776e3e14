{{ config(materialized='hour_parquet', time_column='event_time') }}

{% set uncounted = ['flags', 'saved_cost_usd'] %}
{% set attributes = event_columns() | reject('in', uncounted) | list %}

-- An estimate counts only where the list cost is unknown, so one that is an outlier against it never does.
with decided as (
    select
        *,
        case
            when cost_rule = 'reported' and reported_cost_usd is not null then 'reported'
            when reported_cost_kind = 'billed' and reported_cost_usd is not null then 'billed'
            when is_free then 'free'
            when list_cost_usd is not null then 'list'
            when reported_cost_kind = 'estimated' and reported_cost_usd > 0 then 'estimated'
            else 'unpriced'
        end as cost_source
    from {{ ref('int_llm_requests_listed') }}
),

final as (
    select
        {% for column in attributes -%}
            {{ column }},
            {{ 'arrived_at,' if column == 'event_time' }}
        {% endfor -%}
        coalesce(saved_cost_usd, case when is_cache_hit then metered_cost_usd end) as saved_cost_usd,
        {{ with_flags('flags', {
            'cost_disagrees': 'is_disagreeing',
            'cost_outlier': 'is_outlier',
            'exceeds_context_window': 'coalesce(tokens_input > context_window, false)',
            'unpriced': 'is_usage_known and list_cost_usd is null',
            'usage_missing': 'not is_usage_known and not is_free',
        }) }} as flags,
        source,
        uri,
        line,
        record_index,
        records,
        model_family,
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
