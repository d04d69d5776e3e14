{# No row lacks a value in any of `columns`. One scan for all of them, because each test costs dbt more than a scan. #}
{% test never_null(model, columns) %}

    select *
    from {{ model }}
    where
        {% for column in columns -%}
            {{ column }} is null{{ ' or ' if not loop.last }}
        {% endfor %}

{% endtest %}
