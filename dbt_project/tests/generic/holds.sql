{# Every row satisfies every condition. A condition that is NULL (about an unknown value) is no failure. #}
{% test holds(model, conditions) %}

    select *
    from {{ model }}
    where
        {% for condition in conditions -%}
            not ({{ condition }}){{ ' or ' if not loop.last }}
        {% endfor %}

{% endtest %}
