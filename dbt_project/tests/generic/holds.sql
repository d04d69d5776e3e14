{# Every row satisfies every condition and lacks no value of `never_null`. A condition that is NULL (about an
   unknown value) is no failure. One scan for all of them, because each test costs more than a scan; what a
   failing row breaks is its first column. #}
{% test holds(model, conditions=[], never_null=[]) %}

    {%- set rules = [] -%}
    {%- for column in never_null -%}{%- do rules.append(column ~ ' is not null') -%}{%- endfor -%}
    {%- set rules = rules + conditions -%}
    {%- set broken = [] -%}
    {%- for rule in rules -%}
        {%- do broken.append("case when not (" ~ rule ~ ") then '" ~ rule | replace("'", "''") ~ "' end") -%}
    {%- endfor %}
    select
        {{ list_without_nulls(broken) }} as broken,
        *
    from {{ model }}
    where
        {% for rule in rules -%}
            not ({{ rule }}){{ ' or ' if not loop.last }}
        {% endfor %}

{% endtest %}
