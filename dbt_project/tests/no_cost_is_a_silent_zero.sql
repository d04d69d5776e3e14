{{ config(tags=['hourly'], meta={'dagster': {'ref': {'name': 'llm_requests'}}}) }}

{# A zero must come from a call that was free, from a figure of the producer, from a price of zero that is in
   the book, or from quantities that are all zero. An unknown cost is NULL and says unpriced. #}
with requests as (

    select
        event_id,
        event_time,
        model,
        cost_usd,
        list_cost_usd,
        cost_source,
        price_model,
        is_unpriced,
        coalesce(meter_input_uncached, 0) + coalesce(meter_cache_read, 0)
        + coalesce(meter_cache_write_5m, 0) + coalesce(meter_cache_write_1h, 0)
        + coalesce(meter_audio_input, 0) + coalesce(meter_image_input, 0)
        + coalesce(meter_output_text, 0) + coalesce(meter_reasoning, 0)
        + coalesce(meter_audio_output, 0) + coalesce(meter_web_search, 0) as quantity
    from {{ ref('llm_requests') }}

)

select *
from requests
where
    (
        cost_usd = 0
        and quantity > 0
        and cost_source not in ('free', 'billed', 'reported')
        and price_model is null
    )
    or (cost_usd = 0 and cost_source = 'estimated')
    or (cost_usd is null) != (cost_source = 'unpriced')
    or (is_unpriced and list_cost_usd is not null)
