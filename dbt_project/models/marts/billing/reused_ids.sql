with requests as (

    select * from {{ source('lake', 'llm_requests') }}

),

-- The ids of the run's own dates come first: 30 days of calls are only looked through for these.
ids_of_the_dates as (

    select distinct event_id
    from requests
    where
        {{ near_billing_dates('event_time') }}
        and {{ in_billing_dates(billing_date('event_time')) }}

),

heads as (

    select
        requests.event_id,
        requests.event_time,
        {{ billing_date('requests.event_time') }} as billing_date,
        requests.source,
        {{ shown_tenant() }} as tenant_id
    from requests
    where requests.event_id in (select ids_of_the_dates.event_id from ids_of_the_dates)

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
    where {{ in_billing_dates('heads.billing_date') }}

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
            and of_the_dates.billing_date < heads.billing_date + {{ days(30) }}
    group by of_the_dates.billing_date, of_the_dates.event_id
    having count(*) > 1

)

select * from final
