{#- The run's window, half-open, from --event-time-start and --event-time-end (UTC). Models that look beyond
    their window say by how much. Compiled for no run, they are for all time. -#}

{% macro window_start() %}{{ _window_bound('event_time_start') }}{% endmacro %}

{% macro window_end() %}{{ _window_bound('event_time_end') }}{% endmacro %}

{% macro _window_bound(name) %}
    {%- set at = invocation_args_dict.get(name) -%}
    {%- if not at and execute and flags.WHICH in ('run', 'build') -%}
        {{ exceptions.raise_compiler_error('give the window: --event-time-start and --event-time-end') }}
    {%- endif -%}
    {{ utc_instant(at or (('1970-01-01' if name == 'event_time_start' else '9999-12-31') ~ ' 00:00:00')) }}
{%- endmacro %}

{% macro in_window(column) %}{{ column }} >= {{ window_start() }} and {{ column }} < {{ window_end() }}{% endmacro %}
