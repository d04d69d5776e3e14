{{ config(materialized='table') }}

{% set caller = ['tenant_id', 'user_id', 'api_key_id', 'operation'] %}

-- Nearly every request is attempted once: only ids that come more than once, and traces with a failure whose format
-- names no request, are looked at. They are found by hashes of 64 bits; of two ids of one hash both come along.
with repeated_requests as (

    select {{ text_hash('request_id') }} as request_hash
    from {{ ref('stg_llm_events') }}
    where request_id is not null
    group by request_hash
    having count(*) > 1

),

failed_traces as (

    select distinct {{ text_hash('trace_id') }} as trace_hash
    from {{ ref('stg_llm_events') }}
    where request_id is null and trace_id is not null and status = 'error'

),

calls as (

    select
        event_id,
        event_time,
        {{ call_end() }} as ended_at,
        request_id,
        trace_id,
        status,
        {{ caller | join(',\n        ') }},
        {{ time_bucket(60, 'event_time') }} as own_hour
    from {{ ref('int_llm_requests_deduplicated') }}
    where
        (
            request_id is not null
            and {{ text_hash('request_id') }} in (select repeated_requests.request_hash from repeated_requests)
        )
        or (
            request_id is null
            and trace_id is not null
            and {{ text_hash('trace_id') }} in (select failed_traces.trace_hash from failed_traces)
        )

),

-- A call is seen by its own hour, and by the next or the one before if it is near.
seen as (

    select
        own_hour as hour,
        *
    from calls
    {% for sign in ['+', '-'] %}
        union all
        select
            {{ time_bucket(60, 'event_time ' ~ sign ~ ' ' ~ attempt_reach()) }} as hour,
            *
        from calls
        where {{ time_bucket(60, 'event_time ' ~ sign ~ ' ' ~ attempt_reach()) }} != own_hour
    {% endfor %}

),

of_requests as (

    select
        *,
        request_id as logical_request_id,
        row_number() over same_request as attempt,
        count(*) over (partition by hour, tenant_id, request_id) as attempts
    from seen
    where request_id is not null
    window same_request as (partition by hour, tenant_id, request_id order by event_time, event_id)

),

-- A trace may hold a session: a call is tried again by the one after it only if it failed, and only by its caller.
traced as (

    select
        *,
        coalesce(
            lag(status) over same_trace = 'error'
            {% for column in caller -%}
                and {{ column }} is not distinct from lag({{ column }}) over same_trace
            {% endfor -%}
            and event_time >= lag(ended_at) over same_trace
            and event_time <= lag(ended_at) over same_trace + {{ attempt_gap() }},
            false
        ) as is_retry
    from seen
    where request_id is null
    window same_trace as (partition by hour, trace_id order by event_time, event_id)

),

in_runs as (

    select
        *,
        count(*) filter (where not is_retry) over (
            partition by hour, trace_id order by event_time, event_id rows unbounded preceding
        ) as run
    from traced

),

of_traces as (

    select
        *,
        'run-' || first_value(event_id) over same_run as logical_request_id,
        row_number() over same_run as attempt,
        count(*) over (partition by hour, trace_id, run) as attempts
    from in_runs
    window same_run as (partition by hour, trace_id, run order by event_time, event_id)

),

final as (

    {% for relation in ['of_requests', 'of_traces'] -%}
        {{ 'union all' if not loop.first }}
        select
            event_id,
            event_time,
            tenant_id,
            logical_request_id as request_id,
            cast(attempt as integer) as attempt
        from {{ relation }}
        where attempts > 1 and hour = own_hour and {{ in_window('event_time') }}
    {% endfor %}

)

select * from final
