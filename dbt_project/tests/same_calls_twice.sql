{{ config(severity='warn', tags=['hourly'], meta={'dagster': {'ref': {'name': 'llm_requests'}}}) }}

-- Records meet in one call only where their formats give the same event_id, so two sources that tell of the same calls
-- under ids of their own count them twice. What gives them away is a request or trace id that both have, with equal
-- tokens. A row is one such id in an hour, with a position in each source.

with calls as (

    select
        request_id,
        trace_id,
        tokens_input,
        tokens_output,
        source,
        uri,
        line,
        {{ time_bucket(60, 'event_time') }} as hour
    from {{ ref('int_llm_requests_priced') }}
    where
        tokens_total > 0
        -- Most sites have one source, and are spared the rest.
        and (select min(source) != max(source) from {{ ref('int_llm_requests_priced') }})

),

shared as (

    {% for id in ['request_id', 'trace_id'] -%}
        {{ 'union all' if not loop.first }}
        select
            hour,
            '{{ id }}' as shared_id,
            {{ id }} as value,
            tokens_input,
            tokens_output,
            min(source) as one_source,
            max(source) as other_source,
            {{ first_by('uri', 'source, line') }} as one_uri,
            {{ first_by('line', 'source, line') }} as one_line,
            {{ last_by('uri', 'source, line') }} as other_uri,
            {{ last_by('line', 'source, line') }} as other_line
        from calls
        where {{ id }} is not null
        group by hour, {{ id }}, tokens_input, tokens_output
        having min(source) != max(source)
    {% endfor %}

)

select
    *,
    'if both tell of the same calls, add to the [[source]] of ' || one_source || ' or of ' || other_source
    || ' in llmops.toml: reconciliation_only = true' as what_to_do
from shared
order by hour, shared_id, value
