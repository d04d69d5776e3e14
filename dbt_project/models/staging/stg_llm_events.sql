with records as (

    select * from {{ source('lake', 'raw_llm_events') }}

),

final as (

    select
        -- position
        source,
        arrival_hour,
        uri,
        version,
        line,
        record_index,
        arrived_at,
        format,

        -- event
        {{ event_columns() | join(',\n        ') }}

    from records
    where outcome = 'accepted' and not {{ is_for_reconciliation('source') }}

)

select * from final
