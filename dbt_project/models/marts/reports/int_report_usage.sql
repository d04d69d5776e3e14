{{ config(materialized='table') }}

-- Every day that a report looks at, so that days are compared without counting calls again.
with requests as (

    select
        *,
        cost_usd is not null and tokens_total is not null as is_measured,
        tokens_cache_read is not null and list_cost_usd is not null and not coalesce(cache_hit, false)
            as tells_prompt_cache
    from {{ ref('int_report_requests') }}

),

final as (

    select
        event_date,
        tenant_id,
        feature,
        provider,
        model,

        count(*) as requests,
        count(cost_usd) as requests_with_cost,
        cast(sum(tokens_total) as bigint) as tokens_total,
        sum(cost_usd) as cost_usd,
        cast(coalesce(sum(tokens_total) filter (where is_measured), 0) as bigint) as measured_tokens,
        coalesce(sum(cost_usd) filter (where is_measured), 0) as measured_cost_usd,

        count(*) filter (where success = false) as failed_requests,
        count(*) filter (where success = false and cost_usd > 0) as paid_failures,
        sum(cost_usd) filter (where success = false and cost_usd > 0) as paid_failures_cost_usd,
        count(*) filter (where success = false and cost_usd is null) as failures_without_cost,

        count(*) filter (where success and finish_reason is not null) as finished_requests,
        count(*) filter (where success and finish_reason = 'length') as truncated_requests,
        sum(cost_usd) filter (where success and finish_reason = 'length') as truncated_cost_usd,
        count(*) filter (where success and finish_reason = 'length' and cost_usd is null)
            as truncated_without_cost,

        count(cache_hit) as gateway_lookups,
        count(*) filter (where cache_hit) as gateway_hits,
        sum(saved_cost_usd) filter (where cache_hit) as gateway_saved_usd,
        sum(cost_usd) filter (where cache_hit = false) as gateway_misses_cost_usd,

        count(*) filter (where tells_prompt_cache) as prompt_cache_requests,
        cast(sum(tokens_input) filter (where tells_prompt_cache) as bigint) as prompt_cache_input_tokens,
        cast(sum(meter_cache_read) filter (where tells_prompt_cache) as bigint) as prompt_cache_read_tokens,
        cast(sum(meter_input_uncached) filter (where tells_prompt_cache) as bigint) as prompt_cache_missed_tokens,

        count(*) filter (where is_unpriced) as unpriced_requests,
        count(*) filter (where is_unpriced and is_price_missing) as price_missing_requests,
        count(*) filter (where is_unpriced and is_usage_missing) as usage_missing_requests,
        cast(sum(tokens_total) filter (where is_unpriced) as bigint) as unpriced_tokens,
        count(*) filter (where is_unpriced and tokens_total is null) as unpriced_without_tokens,

        count(*) filter (where is_unattributed) as unattributed_requests,
        cast(sum(tokens_total) filter (where is_unattributed) as bigint) as unattributed_tokens,
        sum(cost_usd) filter (where is_unattributed) as unattributed_cost_usd,
        count(*) filter (where user_id is null) as requests_without_user,
        sum(cost_usd) filter (where user_id is null) as cost_without_user_usd
    from requests
    group by event_date, tenant_id, feature, provider, model

)

select * from final
