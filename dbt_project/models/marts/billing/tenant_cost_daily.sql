with requests as (

    select *
    from {{ source('lake', 'llm_requests') }}
    where
        {{ near_billing_dates('event_time') }}

),

quarters as (

    {{ billing_quarters() }}

),

billed as (

    select
        requests.*,
        quarters.billing_date,
        {{ shown_tenant() }} as shown_tenant_id,
        {{ shown_model() }} as shown_model,
        {{ has_flag('unpriced') }} as is_price_missing,
        {{ has_flag('usage_missing') }} as is_usage_missing
    from requests
    inner join quarters on {{ in_quarter('requests.event_time', 'quarters.quarter_start') }}
    where {{ in_billing_dates('quarters.billing_date') }}

),

final as (

    select
        billing_date,
        shown_tenant_id as tenant_id,
        coalesce(user_id, 'unknown') as user_id,
        coalesce(feature, 'unknown') as feature,
        coalesce(api_key_id, 'unknown') as api_key_id,
        coalesce(config_id, 'unknown') as config_id,
        coalesce(environment, 'unknown') as environment,
        coalesce(provider, 'unknown') as provider,
        shown_model as model,
        {{ shown_family() }} as model_family,

        count(*) as requests,
        count(*) filter (where success) as successful_requests,
        count(*) filter (where success = false) as failed_requests,
        count(*) filter (where cache_hit) as cache_hits,
        count(cost_usd) as requests_with_cost,
        count(*) filter (where is_unpriced) as unpriced_requests,
        count(*) filter (where is_price_missing) as price_missing_requests,
        count(*) filter (where is_usage_missing) as usage_missing_requests,

        cast(sum(tokens_input) as bigint) as tokens_input,
        cast(sum(tokens_output) as bigint) as tokens_output,
        cast(sum(tokens_total) as bigint) as tokens_total,

        cast(sum(meter_input_uncached) as bigint) as meter_input_uncached,
        cast(sum(meter_cache_read) as bigint) as meter_cache_read,
        cast(sum(meter_cache_write_5m) as bigint) as meter_cache_write_5m,
        cast(sum(meter_cache_write_1h) as bigint) as meter_cache_write_1h,
        cast(sum(meter_audio_input) as bigint) as meter_audio_input,
        cast(sum(meter_image_input) as bigint) as meter_image_input,
        cast(sum(meter_output_text) as bigint) as meter_output_text,
        cast(sum(meter_reasoning) as bigint) as meter_reasoning,
        cast(sum(meter_audio_output) as bigint) as meter_audio_output,
        cast(sum(meter_web_search) as bigint) as meter_web_search,
        cast(sum(meter_request) as bigint) as meter_request,

        sum(input_cost_usd) as input_cost_usd,
        sum(output_cost_usd) as output_cost_usd,
        sum(list_cost_usd) as list_cost_usd,
        sum(cost_usd) as cost_usd,
        sum(reported_cost_usd) as reported_cost_usd,
        sum(saved_cost_usd) as saved_cost_usd
    from billed
    group by
        billing_date,
        shown_tenant_id,
        coalesce(user_id, 'unknown'),
        coalesce(feature, 'unknown'),
        coalesce(api_key_id, 'unknown'),
        coalesce(config_id, 'unknown'),
        coalesce(environment, 'unknown'),
        coalesce(provider, 'unknown'),
        shown_model

)

select * from final
