{#- What the daily reports share: UTC dates, how far back a report looks, and division of money. -#}

{% macro utc_date(at) %}cast(timezone('UTC', {{ at }}) as date){% endmacro %}

{#- The UTC dates of the run, as the column `report_date`. -#}
{% macro report_dates() -%}
    select {{ utc_date('instant') }} as report_date
    from ({{ instants(window_start(), window_end() ~ ' - ' ~ minutes(1440), 1440) }})
{%- endmacro %}

{% macro in_report_dates(date) -%}
{{ date }} >= {{ utc_date(window_start()) }} and {{ date }} < {{ utc_date(window_end()) }}
{%- endmacro %}

{#- A report looks back to the same day a week before. -#}
{% macro in_report_reach(column) -%}
{{ column }} >= {{ window_start() }} - {{ days(7) }} and {{ column }} < {{ window_end() }}
{%- endmacro %}

{#- amount × part / whole for an amount of money and two counts: exact, rounded once, half to even, to 12 places.
    In whole picodollars, because DuckDB divides decimals as doubles. NULL where whole is 0. Not for negatives. -#}
{% macro prorated(amount, part, whole) -%}
    {%- set product -%}
        (cast({{ amount }} * 1000000000000 as hugeint) * cast({{ part }} as hugeint))
    {%- endset -%}
    {%- set divisor -%}nullif(cast({{ whole }} as hugeint), 0){%- endset -%}
    cast((
        {{ product }} // {{ divisor }}
        + case
            when 2 * ({{ product }} % {{ divisor }}) > {{ divisor }} then 1
            when 2 * ({{ product }} % {{ divisor }}) = {{ divisor }} then ({{ product }} // {{ divisor }}) % 2
            else 0
        end
    ) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
{%- endmacro %}

{#- Joins a span of time and of sizes with the one set of prices of a model that holds in all of it. A service tier
    that the model has no prices for has the standard ones. -#}
{% macro is_price_of(prices, meters, model, provider=none) -%}
{{ prices }}.price_version = {{ meters }}.price_version
        and {{ prices }}.provider = {{ provider or meters ~ '.provider' }}
        and {{ prices }}.model = {{ model }}
        and {{ meters }}.starts_at >= {{ prices }}.effective_from
        and {{ meters }}.starts_at < {{ prices }}.effective_to
        and {{ microsecond_of_day(meters ~ '.starts_at') }} >= {{ prices }}.daily_from_us
        and {{ microsecond_of_day(meters ~ '.starts_at') }} < {{ prices }}.daily_to_us
        and {{ meters }}.first_token >= {{ prices }}.tier_start
        and {{ meters }}.first_token <= {{ prices }}.tier_last
        and {{ prices }}.service_tier = {{ meters }}.service_tier
{%- endmacro %}
