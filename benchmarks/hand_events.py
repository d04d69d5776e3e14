"""The second half of the hand-written script: raw records to classified duplicates, prices and the request log.

A stream's records all name their tenant, so the tenant is taken as a part of the id; a record more than five
minutes after the one before it is an event of its own. Prices are found by the exact name of the model.
"""

from benchmarks.hand_decode import EVENT_COLUMNS, PRESENT_COLUMNS

_COMPARED = ", ".join(
    f"case when one.{name} is distinct from predecessor.{name} then '{name}' end" for name in PRESENT_COLUMNS
)

PRICES = """
create table prices as
select
    provider, model, any_value(context_window)::bigint as context_window,
    coalesce(valid_from::timestamptz, '-infinity') as valid_from,
    coalesce(valid_to::timestamptz, 'infinity') as valid_to, coalesce(daily_from::time, '00:00:00') as daily_from,
    coalesce(daily_to::time, '24:00:00') as daily_to, tier_start::bigint as tier_start,
    coalesce(tier_end::bigint, 9223372036854775807) as tier_end,
    max(usd) filter (where meter = 'input_uncached') as input_usd,
    coalesce(max(usd) filter (where meter = 'cache_read'), input_usd) as cache_read_usd,
    max(usd) filter (where meter = 'output_text') as output_usd
from (
    select *, (usd_per_million::decimal(18, 6) * 0.000001::decimal(7, 6))::decimal(18, 12) as usd
    from read_csv($book, header = true, all_varchar = true)
    where service_tier is null
)
group by provider, model, valid_from, valid_to, daily_from, daily_to, tier_start, tier_end
"""

# Ids that occur more than once are few: found by their hash, and only they go through windows.
REPEATED = f"""
create table repeated as
with ids as (select hash(event_id) as id from accepted group by id having count(*) > 1),
ordered as (
    select *,
        row_number() over in_order as ordinal,
        coalesce(event_time - lag(event_time) over in_order > interval 5 minute, true) as is_head,
        (tokens_input is not null)::integer + (tokens_output is not null)::integer
            + (tokens_cache_read is not null)::integer as known_meters
    from accepted
    where hash(event_id) in (select id from ids)
    window in_order as (partition by event_id, tenant_id order by event_time, uri, line)
),
owned as (
    select *,
        max(ordinal) filter (where is_head) over (partition by event_id, tenant_id order by ordinal) as head_ordinal
    from ordered
)
select one.*,
    predecessor.source as predecessor_source, predecessor.uri as predecessor_uri,
    predecessor.line as predecessor_line, predecessor.record_index as predecessor_record_index,
    list_filter([{_COMPARED}], lambda name: name is not null) as differing_columns,
    case
        when one.is_head then 'head' when len(differing_columns) = 0 then 'exact_duplicate' else 'conflict'
    end as role
from owned as one
left join owned as predecessor
    on one.event_id = predecessor.event_id and one.tenant_id is not distinct from predecessor.tenant_id
    and one.ordinal = predecessor.ordinal + 1
"""

EVENT_CONFLICTS = """
create table event_conflicts as
select event_id, event_time, tenant_id, source, uri, version, line, record_index, arrived_at, predecessor_source,
    predecessor_uri, predecessor_line, predecessor_record_index, differing_columns
from repeated
where role = 'conflict'
"""

EVENT_CONSERVATION = """
create table event_conservation as
with accepted_by_hour as (
    select date_trunc('hour', event_time) as window_start, source, arrival_hour, count(*) as accepted_records,
        sum(tokens_total) as tokens, sum(reported_cost_usd) as cost
    from accepted
    group by all
),
repeated_by_hour as (
    select date_trunc('hour', event_time) as window_start, source, arrival_hour,
        count(*) filter (where role <> 'head' and predecessor_source <> source) as of_other_sources,
        count(*) filter (where role = 'exact_duplicate') as exact_duplicates,
        count(*) filter (where role = 'conflict') as conflicts,
        sum(tokens_total) filter (where role <> 'head') as tokens,
        sum(reported_cost_usd) filter (where role <> 'head') as cost
    from repeated
    group by all
)
select window_start, window_start + interval 1 hour as window_end, source, arrival_hour, accepted_records,
    accepted_records - coalesce(exact_duplicates, 0) - coalesce(conflicts, 0) as events,
    coalesce(exact_duplicates, 0) as exact_duplicates, coalesce(conflicts, 0) as conflicts,
    coalesce(of_other_sources, 0) as duplicates_of_other_sources,
    coalesce(accepted_by_hour.tokens, 0)::bigint as tokens_accepted,
    coalesce(repeated_by_hour.tokens, 0)::bigint as tokens_dropped,
    coalesce(accepted_by_hour.cost, 0)::decimal(38, 12) as reported_cost_accepted_usd,
    coalesce(repeated_by_hour.cost, 0)::decimal(38, 12) as reported_cost_dropped_usd
from accepted_by_hour
left join repeated_by_hour using (window_start, source, arrival_hour)
"""

_CARRIED = "source, uri, line, record_index, arrived_at"
_UNCHANGED = ", ".join(name for name in EVENT_COLUMNS if name not in ("event_id", "event_time", "flags"))
_LOGGED = ", ".join(name for name in EVENT_COLUMNS if name not in ("saved_cost_usd", "flags"))

REQUESTS = f"""
copy (
    with members as (
        select repeated.*, head.event_time as head_time,
            row_number() over (same order by known_meters desc, arrived_at, uri, line) as fullness,
            count(*) over same as records, bool_or(repeated.role = 'conflict') over same as has_conflict
        from repeated
        inner join (select event_id, tenant_id, ordinal, event_time from repeated where is_head) as head
            on repeated.event_id = head.event_id and repeated.tenant_id is not distinct from head.tenant_id
            and repeated.head_ordinal = head.ordinal
            and repeated.event_time <= head.event_time + interval 5 minute
        window same as (partition by repeated.event_id, repeated.tenant_id, repeated.head_ordinal)
    ),
    events as (
        select {_CARRIED}, event_id, event_time, {_UNCHANGED}, flags, 1::bigint as records
        from accepted
        anti join repeated using (event_id)
        union all
        select {_CARRIED}, event_id, head_time as event_time, {_UNCHANGED},
            case when has_conflict then ['conflicting_duplicate'] else flags end as flags, records
        from members
        where fullness = 1
    ),
    metered as (
        select *, tokens_input - coalesce(tokens_cache_read, 0) as meter_input_uncached,
            coalesce(tokens_cache_read, 0) as meter_cache_read, tokens_output as meter_output_text,
            0::bigint as meter_cache_write_5m, 0::bigint as meter_cache_write_1h, 0::bigint as meter_audio_input,
            0::bigint as meter_image_input, 0::bigint as meter_reasoning, 0::bigint as meter_audio_output,
            null::bigint as meter_web_search, 1::bigint as meter_request
        from events
    ),
    priced as (
        select metered.*, prices.model as price_model, prices.context_window,
            (meter_input_uncached * input_usd + meter_cache_read * cache_read_usd)::decimal(38, 12) as input_cost,
            (meter_output_text * output_usd)::decimal(38, 12) as output_cost,
            input_cost + output_cost as metered_cost,
            coalesce(cache_hit, false) as is_cache_hit
        from metered
        left join prices
            on metered.provider = prices.provider and metered.model = prices.model
            and event_time >= valid_from and event_time < valid_to
            and event_time::timestamp::time >= daily_from and event_time::timestamp::time < daily_to
            and tokens_input >= tier_start and tokens_input < tier_end
    ),
    listed as (
        select *,
            case when is_cache_hit then 0 else metered_cost end::decimal(38, 12) as list_cost_usd,
            case
                when is_cache_hit then 'free'
                when status_code in (400, 401, 403, 404, 413, 422, 429) and tokens_input is null then 'free'
                when list_cost_usd is not null then 'list'
                when reported_cost_usd > 0 then 'estimated'
                else 'unpriced'
            end as cost_source,
            not is_cache_hit and reported_cost_usd is not null as is_compared
        from priced
    )
    select {_LOGGED}, arrived_at,
        coalesce(saved_cost_usd, case when is_cache_hit then metered_cost end) as saved_cost_usd,
        list_sort(flags || list_filter([
            case when is_compared and abs(reported_cost_usd - list_cost_usd) > list_cost_usd * 0.05
                then 'cost_disagrees' end,
            case when is_compared and reported_cost_usd > 0 and list_cost_usd > 0
                and not reported_cost_usd between list_cost_usd * 0.01 and list_cost_usd * 100 then 'cost_outlier' end,
            case when tokens_input > context_window then 'exceeds_context_window' end,
            case when list_cost_usd is null and tokens_input is not null then 'unpriced' end,
            case when tokens_input is null and cost_source <> 'free' then 'usage_missing' end
        ], lambda flag: flag is not null)) as flags,
        source, uri, line, record_index, records,
        meter_input_uncached, meter_cache_read, meter_cache_write_5m, meter_cache_write_1h, meter_audio_input,
        meter_image_input, meter_output_text, meter_reasoning, meter_audio_output, meter_web_search, meter_request,
        case when is_cache_hit then 0 else input_cost end::decimal(38, 12) as input_cost_usd,
        case when is_cache_hit then 0 else output_cost end::decimal(38, 12) as output_cost_usd,
        list_cost_usd,
        case cost_source
            when 'free' then 0 when 'list' then list_cost_usd when 'estimated' then reported_cost_usd
        end::decimal(38, 12) as cost_usd,
        cost_source, $version as price_version, price_model, cost_source = 'unpriced' as is_unpriced,
        date_trunc('hour', event_time) as hour
    from listed
) to '{{out}}/llm_requests' (
    format parquet, partition_by (hour), row_group_size 20480, dictionary_size_limit 1000, write_bloom_filter false
)
"""
