{# Meters, prices and money: every expression of pricing that is specific to the engine, or used twice. #}

{# Meters and the side of the call that they are charged to. Searches and requests are neither: they are in
   the list cost alone. #}
{% macro input_meters() -%}
    {{ return(['input_uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_input', 'image_input']) }}
{%- endmacro %}

{% macro output_meters() -%}
    {{ return(['output_text', 'reasoning', 'audio_output']) }}
{%- endmacro %}

{% macro other_meters() -%}
    {{ return(['web_search', 'request']) }}
{%- endmacro %}

{% macro all_meters() -%}
    {{ return(input_meters() + output_meters() + other_meters()) }}
{%- endmacro %}

{# A provider that nobody knows has its models' prices from llmops.toml alone, under the name that tables show. #}
{% macro priced_provider(relation='') -%}
    coalesce({{ relation }}provider, 'unknown')
{%- endmacro %}

{# The name under which a call is priced. Only a failed call, which was served by no model, is priced under
   the one that was asked for; what a successful call asked for may be a deployment's or an alias's name, and
   counts if llmops.toml says what it means. #}
{% macro priced_model_name() -%}
    lower(trim(case
        when model is not null then model
        when status in ('error', 'cancelled') then requested_model
        when ({{ priced_provider() }}, lower(trim(requested_model))) in (
            select (aliases.provider, aliases.name) from {{ source('lake', 'price_aliases') }} as aliases
        ) then requested_model
    end))
{%- endmacro %}

{% macro priced_service_tier() -%}
    lower(coalesce(service_tier, 'standard'))
{%- endmacro %}

{# gpt-5.2-20251211 -> gpt-5.2-2025-12-11: routers write dates so, the book does not. #}
{% macro with_dashed_date(name) -%}
    regexp_replace({{ name }}, '-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(-|:|$)', '-\1-\2-\3\4', 'g')
{%- endmacro %}

{# Whether a lower-cased name meets a book's rule: in every group, some clause [kind, text] is true. #}
{% macro model_matches(name, rule) -%}
    list_bool_and(list_transform({{ rule }}, lambda clauses: list_bool_or(list_transform(clauses, lambda clause: (
        case clause[1]
            when 'equals' then {{ name }} = clause[2]
            when 'starts_with' then starts_with({{ name }}, clause[2])
            when 'ends_with' then ends_with({{ name }}, clause[2])
            when 'contains' then contains({{ name }}, clause[2])
            when 'regex' then regexp_matches({{ name }}, clause[2])
            when 'not_regex' then not regexp_matches({{ name }}, clause[2])
        end
    )))))
{%- endmacro %}

{% macro hour_number(column) -%}
    epoch_us({{ column }}) // 3600000000
{%- endmacro %}

{% macro microsecond_of_day(column) -%}
    epoch_us({{ column }}) % 86400000000
{%- endmacro %}

{# A decimal of 15 places rounded to 12, ties to even. DuckDB's round_even goes through double, and its cast
   rounds ties away from zero: a tie that went up to an odd last digit goes back down. Not for negatives. #}
{% macro round_even(amount) -%}
    (
        cast({{ amount }} as decimal(38, 12))
        - case when {{ amount }} % 0.000000000002 = 0.0000000000005 then 0.000000000001 else 0 end
    )
{%- endmacro %}

{# Price times quantity, exact, rounded once. Rounding costs ten times the product, and nearly all prices
   have at most 12 places: those come as exact_price, NULL for a finer one. A quantity of zero costs nothing
   whether it has a price or not; a positive one without a price, or an unknown one, costs NULL. Prices are
   at most 1000 USD, so that no bigint overflows. #}
{% macro meter_cost(quantity, exact_price, price) -%}
    case
        when {{ quantity }} = 0 then cast(0 as decimal(38, 12))
        else coalesce({{ exact_price }} * {{ quantity }}, {{ round_even(price ~ ' * ' ~ quantity) }})
    end
{%- endmacro %}

{# What a meter is charged for: searches that nobody counted are taken for none, other unknown quantities
   stay unknown. #}
{% macro charged_quantity(meter) -%}
    {{ return('coalesce(meter_web_search, 0)' if meter == 'web_search' else 'meter_' ~ meter) }}
{%- endmacro %}

{# A part of a count, at most what is left of it: NULL if the count is unknown, 0 if the part is. #}
{% macro part_of(part, left) -%}
    case when {{ left }} is not null then least(coalesce({{ part }}, 0), {{ left }}) end
{%- endmacro %}

{# An embedding has no output: its unknown output is a real zero. #}
{% macro output_tokens() -%}
    coalesce(tokens_output, case when operation in ('embedding', 'moderation', 'rerank') then 0 end)
{%- endmacro %}

{# Flags and those of `added` (flag: condition) that hold, each once and in order. Nearly all calls have none
   that they had before: those are spared the sorting. `added` is in alphabetical order. #}
{% macro with_flags(flags, added) -%}
    {%- set lists = [] -%}
    {%- for flag, condition in added.items() -%}
        {%- do lists.append("case when " ~ condition ~ " then ['" ~ flag ~ "'] else [] end") -%}
    {%- endfor -%}
    {%- set held = lists | join(' || ') -%}
    case
        when not ({{ added.values() | join(' or ') }}) then {{ flags }}
        when len({{ flags }}) = 0 then {{ held }}
        else {{ list_union(flags, held) }}
    end
{%- endmacro %}

{% macro microsecond_of_time(column) -%}
    epoch_us({{ column }})
{%- endmacro %}

{# The price in 12 places if that is all it has, else NULL. #}
{% macro exact_price(price) -%}
    case when {{ price }} = cast({{ price }} as decimal(38, 12)) then cast({{ price }} as decimal(38, 12)) end
{%- endmacro %}
