with requests as (

    select * from {{ source('lake', 'llm_requests') }}

),

quarters as (

    {{ billing_quarters() }}

),

-- The ids of the run's own dates come first: 30 days of calls are only looked through for these. As hashes of 64
-- bits, which are smaller; ids that share one are told apart below.
hashes_of_the_dates as (

    select {{ text_hash('requests.event_id') }} as id_hash
    from requests
    inner join quarters on {{ in_quarter('requests.event_time', 'quarters.quarter_start') }}
    where
        {{ near_billing_dates('requests.event_time') }}
        and {{ in_billing_dates('quarters.billing_date') }}

),

repeated_hashes as (

    select {{ text_hash('event_id') }} as id_hash
    from requests
    where {{ text_hash('event_id') }} in (select hashes_of_the_dates.id_hash from hashes_of_the_dates)
    group by id_hash
    having count(*) > 1

),

-- Few: nearly all ids occur once.
heads as (

    select
        requests.event_id,
        requests.event_time,
        {{ billing_date('requests.event_time') }} as billing_date,
        requests.source,
        {{ shown_tenant() }} as tenant_id
    from requests
    where {{ text_hash('requests.event_id') }} in (select repeated_hashes.id_hash from repeated_hashes)

),

of_the_dates as (

    select distinct
        event_id,
        billing_date
    from heads
    where {{ in_billing_dates('billing_date') }}

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
