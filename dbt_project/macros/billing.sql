{# The civil date on which a call is charged. Its time zone stands here and nowhere else. #}

{% macro billing_time_zone() -%}
    UTC
{%- endmacro %}

{% macro billing_date(column) -%}
    cast(timezone('{{ billing_time_zone() }}', {{ column }}) as date)
{%- endmacro %}

{# The billing dates of the run: its window is given as UTC midnights. #}
{% macro first_billing_date() -%}
    cast(timezone('UTC', {{ window_start() }}) as date)
{%- endmacro %}

{% macro end_billing_date() -%}
    cast(timezone('UTC', {{ window_end() }}) as date)
{%- endmacro %}
