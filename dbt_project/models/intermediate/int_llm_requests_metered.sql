with requests as (
    select
        *,
        {{ priced_model_name() }} as model_name,
        {{ priced_service_tier() }} as priced_tier,
        {{ output_tokens() }} as counted_output,
        coalesce(status in ('error', 'cancelled'), false) as is_failed,
        coalesce(tokens_input > 0, false) or coalesce(tokens_output > 0, false)
        or coalesce(web_search_requests > 0, false) as has_usage
    from {{ ref('int_llm_requests_identified') }}
),

-- Disjoint: each part takes at most what the parts before it left, so that meters add up to the tokens.
final as (
    select
        *,
        {{ part_of('tokens_cache_read', 'tokens_input') }} as meter_cache_read,
        {{ part_of('coalesce(tokens_cache_write, tokens_cache_write_1h)', 'tokens_input - meter_cache_read') }}
            as cache_write,
        {{ part_of('tokens_cache_write_1h', 'cache_write') }} as meter_cache_write_1h,
        cache_write - meter_cache_write_1h as meter_cache_write_5m,
        tokens_input - meter_cache_read - cache_write as uncached,
        {{ part_of('tokens_audio_input', 'uncached') }} as meter_audio_input,
        {{ part_of('tokens_image_input', 'uncached - meter_audio_input') }} as meter_image_input,
        uncached - meter_audio_input - meter_image_input as meter_input_uncached,
        {{ part_of('tokens_reasoning', 'counted_output') }} as meter_reasoning,
        {{ part_of('tokens_audio_output', 'counted_output - meter_reasoning') }} as meter_audio_output,
        counted_output - meter_reasoning - meter_audio_output as meter_output_text,
        web_search_requests as meter_web_search,
        cast(1 as bigint) as meter_request
    from requests
)

select * from final
