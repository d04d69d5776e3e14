{#- The columns of an event, in the contract's order. A test holds this list against the lake's. -#}

{% macro event_columns() %}
    {{ return([
        'event_id', 'request_id', 'trace_id', 'attempt', 'event_time',
        'tenant_id', 'user_id', 'end_user_id', 'session_id', 'api_key_id', 'feature', 'environment',
        'config_id', 'variant_id', 'tags',
        'provider', 'upstream_provider', 'model', 'requested_model', 'region_scope', 'operation',
        'streaming', 'cache_hit', 'service_tier',
        'tokens_input', 'tokens_cache_read', 'tokens_cache_write', 'tokens_cache_write_1h',
        'tokens_output', 'tokens_reasoning', 'tokens_audio_input', 'tokens_audio_output', 'tokens_image_input',
        'web_search_requests', 'tokens_total',
        'latency_ms', 'time_to_first_token_ms', 'temperature',
        'status', 'success', 'status_code', 'error_code', 'error_type', 'error_message', 'finish_reason',
        'reported_cost_usd', 'reported_cost_kind', 'saved_cost_usd', 'flags',
    ]) }}
{% endmacro %}

{#- Where a record was read; orders records of equal time. -#}
{% macro position_columns() %}{{ return(['source', 'uri', 'version', 'line', 'record_index']) }}{% endmacro %}

{#- How much a record knows about usage: the number of its known quantities. -#}
{% macro known_meters() %}
    {%- set quantities = [
        'tokens_input', 'tokens_cache_read', 'tokens_cache_write', 'tokens_cache_write_1h', 'tokens_output',
        'tokens_reasoning', 'tokens_audio_input', 'tokens_audio_output', 'tokens_image_input', 'web_search_requests',
    ] -%}
    {%- for quantity in quantities -%}
        cast({{ quantity }} is not null as integer){{ ' + ' if not loop.last }}
    {%- endfor -%}
{% endmacro %}

{#- Tokens of a span: of two instrumentations of one call, the one that counted more saw the call to its end. In other
formats a greater count is no better, and NULL. -#}
{% macro usage_of_spans(relation) %}
    case
        when {{ relation }}.format = 'otlp_spans'
            then cast(coalesce({{ relation }}.tokens_input, 0) as hugeint) + coalesce({{ relation }}.tokens_output, 0)
    end
{%- endmacro %}

{#- The value of a column of an event, comparable: maps have no order of their own. -#}
{% macro comparable(column, relation) %}
    {%- if column == 'tags' -%}{{ sorted_entries(relation ~ '.tags') }}{%- else -%}{{ relation }}.{{ column }}{%- endif -%}
{% endmacro %}

{#- The names of those columns in which two relations' rows differ; NULL is a value of its own. -#}
{% macro differing_columns(columns, one, other) %}
    {%- set differences = [] -%}
    {%- for column in columns -%}
        {%- set differs = comparable(column, one) ~ ' is distinct from ' ~ comparable(column, other) -%}
        {%- do differences.append("case when " ~ differs ~ " then '" ~ column ~ "' end") -%}
    {%- endfor -%}
    {{ list_without_nulls(differences) }}
{%- endmacro %}

{% macro dedupe_margin() %}(select {{ seconds('dedupe_margin_seconds') }} from {{ source('lake', 'run_settings') }}){% endmacro %}

{#- Whether a source only reconciles: its records are kept, but another source tells of the same calls. -#}
{% macro is_for_reconciliation(source_name) -%}
    list_contains(
        (
            select coalesce(list(settings.source), [])
            from {{ source('lake', 'source_settings') }} as settings
            where settings.reconciliation_only
        ),
        {{ source_name }}
    )
{%- endmacro %}
