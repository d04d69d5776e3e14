{# No two rows share the values of `columns`; NULL counts as a value. Failing rows are the shared values. #}
{% test unique_grain(model, columns) %}

    select
        {{ columns | join(', ') }},
        count(*) as copies
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1

{% endtest %}
