with records as (

    select * from {{ source('lake', 'raw_llm_events') }}

),

final as (

    select
        source,
        arrival_hour,
        event_time,
        tokens_total,
        reported_cost_usd
    from records
    where outcome = 'accepted' and {{ is_for_reconciliation('source') }}

)

select * from final
