{% set group = ['report_date', 'tenant_id', 'feature', 'provider', 'model', 'price_model'] %}
{% set candidate = ['alternative_provider', 'alternative_model', 'alternative_context_window', 'model_class'] %}
{% set signals = ['error_rate', 'truncation_rate', 'latency_p50_ms', 'latency_p95_ms'] %}
{% set worse_signals = [] %}
{% for signal in signals -%}
    {%- set is_worse = 'others.' ~ signal ~ ' > currents.' ~ signal -%}
    {%- do worse_signals.append('case when ' ~ is_worse ~ " then '" ~ signal ~ "' end") -%}
{%- endfor %}

with meters as (

    select * from {{ ref('int_report_meters') }}

),

groups as (

    select
        {{ group | join(', ') }},
        cast(sum(requests) as bigint) as requests,
        sum(list_cost_usd) as list_cost_usd,
        max(biggest_request_tokens) as biggest_request_tokens,
        sum(meter_audio_input) > 0 as hears,
        sum(meter_image_input) > 0 as sees,
        sum(meter_audio_output) > 0 as speaks
    from meters
    group by all

),

-- Other models of the same class that can take what the group sent.
candidates as (

    select
        groups.*,
        others.provider as alternative_provider,
        others.model as alternative_model,
        others.context_window as alternative_context_window,
        others.class as model_class
    from groups
    inner join {{ source('lake', 'model_classes') }} as current_model
        on groups.provider = current_model.provider and groups.price_model = current_model.model
    inner join {{ source('lake', 'model_classes') }} as others
        on
            current_model.class = others.class
            and (current_model.provider != others.provider or current_model.model != others.model)
            and groups.biggest_request_tokens <= others.context_window
            and coalesce(groups.report_date < others.retires_on, true)
            and (others.takes_audio or not groups.hears)
            and (others.takes_images or not groups.sees)
            and (others.makes_audio or not groups.speaks)

),

multiplied as (

    select
        {% for column in group + candidate -%}
            candidates.{{ column }},
        {% endfor -%}
        {% for column in ['requests', 'list_cost_usd', 'biggest_request_tokens'] -%}
            candidates.{{ column }},
        {% endfor -%}
        {% for meter in all_meters() -%}
            {{ meter_cost('meters.meter_' ~ meter, 'prices.exact_price_' ~ meter, 'prices.price_' ~ meter) }}
            {{ '+' if not loop.last }}
        {% endfor %} as span_cost_usd
    from candidates
    inner join meters using ({{ group | join(', ') }})
    left join {{ ref('int_report_prices') }} as prices
        on {{ is_price_of('prices', 'meters', 'candidates.alternative_model', 'candidates.alternative_provider') }}

),

-- A meter that was used and has no price makes the sum unknown, and the model no alternative.
alternatives as (

    select
        * exclude (span_cost_usd),
        sum(span_cost_usd) as alternative_cost_usd
    from multiplied
    group by all
    having count(*) = count(span_cost_usd)

),

cheaper as (

    select
        *,
        list_cost_usd - alternative_cost_usd as saving_usd
    from alternatives
    where alternative_cost_usd < list_cost_usd

),

compared as (

    select
        cheaper.*,
        {% for signal in signals -%}
            currents.{{ signal }},
            others.{{ signal }} as alternative_{{ signal }},
        {% endfor -%}
        coalesce(currents.is_sufficient and others.is_sufficient, false) as is_known,
        {{ list_without_nulls(worse_signals) }} as worse_signals
    from cheaper
    left join {{ ref('report_model_signals') }} as currents
        on
            cheaper.report_date = currents.report_date
            and cheaper.provider = currents.provider
            and cheaper.price_model = currents.model
    left join {{ ref('report_model_signals') }} as others
        on
            cheaper.report_date = others.report_date
            and cheaper.alternative_provider = others.provider
            and cheaper.alternative_model = others.model

),

judged as (

    select
        *,
        case
            when not is_known then 'unknown'
            when len(worse_signals) > 0 then 'worse'
            else 'not worse'
        end as verdict,
        row_number() over (
            partition by {{ group | join(', ') }}
            order by saving_usd desc, alternative_provider asc, alternative_model asc
        ) as saving_rank,
        row_number() over (
            partition by {{ group | join(', ') }}, verdict
            order by saving_usd desc, alternative_provider asc, alternative_model asc
        ) as rank_of_verdict
    from compared

),

final as (

    select
        {{ group | join(', ') }},
        {{ candidate | join(', ') }},
        biggest_request_tokens,
        requests,
        list_cost_usd,
        alternative_cost_usd,
        saving_usd,
        cast(saving_rank as integer) as saving_rank,
        verdict,
        verdict = 'not worse' and rank_of_verdict = 1 as is_recommended,
        {% for signal in signals -%}
            {{ signal }},
            alternative_{{ signal }},
        {% endfor -%}
        case when is_known then worse_signals end as worse_signals
    from judged

)

select * from final
