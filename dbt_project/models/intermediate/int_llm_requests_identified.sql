{% set added = ['request_id', 'attempt'] %}
{% set kept = position_columns() + ['arrived_at', 'format'] + (event_columns() | reject('in', added) | list) %}

with events as (

    select * from {{ ref('int_llm_requests_deduplicated') }}
    where {{ in_window('event_time') }}

),

final as (

    select
        {% for column in kept -%}
            events.{{ column }},
        {% endfor -%}
        events.records,
        coalesce(events.request_id, attempts.request_id) as request_id,
        coalesce(
            events.attempt,
            attempts.attempt,
            case when events.request_id is not null or events.trace_id is not null then 1 end
        ) as attempt,
        families.model_family
    from events
    left join {{ ref('int_request_attempts') }} as attempts
        on
            events.event_id = attempts.event_id
            and events.event_time = attempts.event_time
            and events.tenant_id is not distinct from attempts.tenant_id
    left join {{ source('lake', 'model_families') }} as families
        on {{ named_model('events') }} = families.model_name

)

select * from final
