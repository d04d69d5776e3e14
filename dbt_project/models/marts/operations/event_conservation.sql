with records as (

    {% for relation in ['stg_llm_events', 'stg_reconciliation_records'] -%}
        {{ 'union all' if not loop.first }}
        select
            source,
            arrival_hour,
            event_time,
            tokens_total,
            reported_cost_usd,
            {{ not loop.first }} as is_for_reconciliation
        from {{ ref(relation) }}
        where {{ in_window('event_time') }}
    {% endfor %}

),

accepted as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        source,
        arrival_hour,
        count(*) as accepted_records,
        count(*) filter (where is_for_reconciliation) as reconciliation_records,
        sum(tokens_total) as tokens,
        sum(tokens_total) filter (where is_for_reconciliation) as reconciliation_tokens,
        sum(reported_cost_usd) as reported_cost_usd,
        sum(reported_cost_usd) filter (where is_for_reconciliation) as reconciliation_cost_usd
    from records
    group by all

),

-- What became of the records of ids that occur more than once; all others are events of their own.
repeated as (

    select
        {{ time_bucket(60, 'event_time') }} as window_start,
        source,
        arrival_hour,
        count(*) filter (where role = 'exact_duplicate') as exact_duplicates,
        count(*) filter (where role = 'conflict') as conflicts,
        count(*) filter (where role != 'head' and predecessor_source != source) as duplicates_of_other_sources,
        sum(tokens_total) filter (where role != 'head') as tokens,
        sum(reported_cost_usd) filter (where role != 'head') as reported_cost_usd
    from {{ ref('int_repeated_records_classified') }}
    where {{ in_window('event_time') }}
    group by all

),

final as (

    select
        accepted.window_start,
        accepted.window_start + {{ minutes(60) }} as window_end,
        accepted.source,
        accepted.arrival_hour,
        accepted.accepted_records,
        accepted.accepted_records - accepted.reconciliation_records
        - coalesce(repeated.exact_duplicates, 0) - coalesce(repeated.conflicts, 0) as events,
        coalesce(repeated.exact_duplicates, 0) as exact_duplicates,
        coalesce(repeated.conflicts, 0) as conflicts,
        coalesce(repeated.duplicates_of_other_sources, 0) as duplicates_of_other_sources,
        cast(coalesce(accepted.tokens, 0) as bigint) as tokens_accepted,
        cast(coalesce(repeated.tokens, 0) + coalesce(accepted.reconciliation_tokens, 0) as bigint) as tokens_dropped,
        cast(coalesce(accepted.reported_cost_usd, 0) as decimal(38, 12)) as reported_cost_accepted_usd,
        cast(
            coalesce(repeated.reported_cost_usd, 0) + coalesce(accepted.reconciliation_cost_usd, 0)
            as decimal(38, 12)
        ) as reported_cost_dropped_usd,
        accepted.reconciliation_records
    from accepted
    left join repeated
        on
            accepted.window_start = repeated.window_start
            and accepted.source = repeated.source
            and accepted.arrival_hour = repeated.arrival_hour

)

select * from final
