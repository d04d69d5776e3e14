with requests as (

    select * from {{ source('lake', 'llm_requests') }}

),

heads as (

    select
        event_id,
        event_time,
        {{ billing_date('event_time') }} as billing_date,
        source,
        {{ shown_tenant() }} as tenant_id
    from requests

),

repeated as (

    select event_id
    from heads
    group by event_id
    having count(*) > 1

),

of_the_dates as (

    select distinct
        heads.event_id,
        heads.billing_date
    from heads
    inner join repeated on heads.event_id = repeated.event_id
    where
        heads.billing_date >= {{ first_billing_date() }}
        and heads.billing_date < {{ end_billing_date() }}

),

final as (

    select
        of_the_dates.billing_date,
        of_the_dates.event_id,
        count(*) as occurrences,
        min(heads.event_time) as first_event_time,
        max(heads.event_time) as last_event_time,
        {{ sorted_distinct('heads.source') }} as sources,
        {{ sorted_distinct('heads.tenant_id') }} as tenant_ids
    from of_the_dates
    inner join heads
        on
            of_the_dates.event_id = heads.event_id
            and of_the_dates.billing_date >= heads.billing_date
            and of_the_dates.billing_date < heads.billing_date + interval 30 day
    group by of_the_dates.billing_date, of_the_dates.event_id
    having count(*) > 1

)

select * from final
