{#- Text dimensions as the marts show them, and expressions that several marts share. What is DuckDB's own in
    them (list_contains, list_sort, try_cast) is written once, here. -#}

{% macro shown_tenant() %}coalesce(tenant_id, 'unattributed'){% endmacro %}

{#- A failed call was served by no model: it is shown under the one that was asked for. -#}
{% macro shown_model() %}coalesce(model, case when success = false then requested_model end, 'unknown'){% endmacro %}

{#- The name that a call's family is told from: that of shown_model, as far as it is known. -#}
{% macro named_model(relation) -%}
coalesce({{ relation }}.model, case when {{ relation }}.success = false then {{ relation }}.requested_model end)
{%- endmacro %}

{#- The family of a group's model, aggregated: that of the name that is shown. -#}
{% macro shown_family() %}coalesce(max(model_family), 'unknown'){% endmacro %}

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

{#- Requests, tokens and costs by outcome, aggregated: the seed's columns are those of the successes. -#}
{% macro costs_by_outcome() -%}
count(*) filter (where success) as request_count,
        count(cost_usd) filter (where success) as requests_with_cost,
        count(*) filter (where success and is_unpriced) as unpriced_requests,
        cast(sum(tokens_total) filter (where success) as bigint) as total_tokens,
        sum(cost_usd) filter (where success) as total_cost_usd,
        sum(list_cost_usd) filter (where success) as list_cost_usd,
        sum(reported_cost_usd) filter (where success) as reported_cost_usd,

        count(*) filter (where success = false) as failed_requests,
        cast(sum(tokens_total) filter (where success = false) as bigint) as failed_tokens,
        sum(cost_usd) filter (where success = false) as failed_cost_usd,

        count(*) filter (where success is null) as unknown_outcome_requests,
        cast(sum(tokens_total) filter (where success is null) as bigint) as unknown_outcome_tokens,
        sum(cost_usd) filter (where success is null) as unknown_outcome_cost_usd
{%- endmacro %}
