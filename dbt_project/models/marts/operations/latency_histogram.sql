with requests as (

    select * from {{ ref('int_llm_requests_priced') }}

),

shown as (

    select
        {{ time_bucket(5, 'event_time') }} as window_start,
        {{ shown_tenant() }} as tenant_id,
        coalesce(provider, 'unknown') as provider,
        {{ shown_model() }} as model,
        {{ latency_bucket('latency_ms') }} as bucket,
        success
    from requests
    where latency_ms is not null

),

counted as (

    select
        window_start,
        tenant_id,
        provider,
        model,
        bucket,
        count(*) as request_count,
        count(*) filter (where success) as success_count
    from shown
    group by window_start, tenant_id, provider, model, bucket

),

final as (

    select
        window_start,
        window_start + {{ minutes(5) }} as window_end,
        tenant_id,
        provider,
        model,
        bucket,
        {{ bucket_lower_ms('bucket') }} as bucket_lower_ms,
        {{ bucket_upper_ms('bucket') }} as bucket_upper_ms,
        request_count,
        success_count
    from counted

)

select * from final
