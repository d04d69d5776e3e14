{#- Attempts of one logical request. What is looked for ends five minutes before and after an hour, so that an hour
    needs no more than that around itself, and comes out the same in whatever window it is built. A run mounts as
    much: `ATTEMPT_REACH` in llmops_assets/settings.py. -#}

{% macro attempt_reach() %}{{ minutes(5) }}{% endmacro %}

{#- From the end of an attempt to the start of the next. -#}
{% macro attempt_gap() %}{{ seconds(30) }}{% endmacro %}

{% macro near_window(column) -%}
{{ column }} >= {{ window_start() }} - {{ attempt_reach() }}
        and {{ column }} < {{ window_end() }} + {{ attempt_reach() }}
{%- endmacro %}

{#- When a call ended; when it started if nobody knows. -#}
{% macro call_end() %}event_time + {{ microseconds('coalesce(cast(trunc(latency_ms * 1000) as bigint), 0)') }}{% endmacro %}

{#- By `keys`: attempts of a request beyond its first in that row, and failed ones beyond the one that a request which
    failed in all counts as. Nearly every request is attempted once: only ids that come more than once are looked at
    within their row. Finding those took 0.30 CPU seconds for 2 M rows, telling all ids of all rows apart 0.73. An id is
    taken as a hash of 64 bits, and in a million requests of a row two would be taken for one with a chance of 3 in
    100 million. -#}
{% macro superfluous_attempts(relation, keys, failed) -%}
    select
        {{ keys | join(', ') }},
        sum(attempts - 1) as attempts,
        sum(case when failed_attempts = attempts then failed_attempts - 1 else failed_attempts end) as failed_attempts
    from (
        select
            {{ keys | join(', ') }},
            {{ text_hash('request_id') }} as request,
            count(*) as attempts,
            count(*) filter (where {{ failed }}) as failed_attempts
        from {{ relation }}
        where
            request_id is not null
            and {{ text_hash('request_id') }} in (
                select {{ text_hash('request_id') }}
                from {{ relation }}
                where request_id is not null
                group by {{ text_hash('request_id') }}
                having count(*) > 1
            )
        group by {{ keys | join(', ') }}, request
    )
    group by {{ keys | join(', ') }}
{%- endmacro %}
