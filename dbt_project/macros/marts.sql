{#- Text dimensions as the marts show them, and expressions that several marts share. What is DuckDB's own in
    them (list_contains, list_sort, try_cast) is written once, here. -#}

{% macro shown_tenant() %}coalesce(tenant_id, 'unattributed'){% endmacro %}

{#- A failed call was served by no model: it is shown under the one that was asked for. -#}
{% macro shown_model() %}coalesce(model, case when success = false then requested_model end, 'unknown'){% endmacro %}

{% macro has_flag(flag) %}coalesce(list_contains(flags, '{{ flag }}'), false){% endmacro %}

{#- The sum of doubles, the same in whatever order threads meet the rows: they are added up as whole millionths
    (as hugeint, which takes half the time of decimal(38, 6)). -#}
{% macro exact_sum(column) %}cast(sum(try_cast({{ column }} * 1000000 as hugeint)) as double) / 1000000{% endmacro %}

{% macro sorted_distinct(column) %}list_sort(list(distinct {{ column }})){% endmacro %}

{#- Log-spaced buckets, eight to a factor of two: bucket b holds the latencies in [2^(b/8), 2^((b+1)/8)) ms. What
    is below 2^-10 ms, zero included, is in bucket -81, whose lower bound is zero. -#}
{% macro latency_bucket(column) -%}
case when {{ column }} < power(2, -10) then -81 else cast(floor(8 * log2({{ column }})) as integer) end
{%- endmacro %}

{% macro bucket_lower_ms(bucket) %}case when {{ bucket }} = -81 then 0 else power(2, {{ bucket }} / 8) end{% endmacro %}

{% macro bucket_upper_ms(bucket) %}power(2, ({{ bucket }} + 1) / 8){% endmacro %}
