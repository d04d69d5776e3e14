with records as (

    select * from {{ ref('int_repeated_records_classified') }}

),

final as (

    select
        event_id,
        event_time,
        tenant_id,
        source,
        uri,
        version,
        line,
        record_index,
        arrived_at,
        predecessor_source,
        predecessor_uri,
        predecessor_line,
        predecessor_record_index,
        differing_columns
    from records
    where role = 'conflict' and {{ in_window('event_time') }}

)

select * from final
