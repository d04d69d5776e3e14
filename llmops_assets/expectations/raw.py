"""Raw batches after they landed: one profile per arrival hour of a source, made by SQL, and its suite.

Only the profile leaves DuckDB: a few rows per hour, whatever the number of records. It is compared with the
same hours of the weeks before, which are profiled with it. Belongs here: what is looked at. Names, words and
severities are the `catalogue`'s.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from llmops_assets.duck import connect
from llmops_assets.expectations import bounds
from llmops_assets.expectations.catalogue import expectations_of
from llmops_assets.expectations.finding import Finding
from llmops_assets.expectations.suite import Look, Row, examine, instant
from llmops_assets.lake import Lake
from llmops_assets.lake.filters import quoted
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.settings import Settings
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.windows import DAY, Window

WEEK = 7 * DAY
PROFILED = ("tenant_id", "user_id", "feature", "provider", "model", "tokens_input", "tokens_output", "latency_ms")
"""Columns whose null rates are watched."""

# Weeks back (0 is the batch itself), every hour as it is called today.
_PROFILES = """
create temp table profiles as
select
    weeks,
    arrival_hour + weeks * interval 7 day as hour,
    count(*) as records,
    count(*) filter (where outcome = 'accepted') as accepted,
    {nulls},
    max(greatest(tokens_input, tokens_output)) filter (where outcome = 'accepted') as most_tokens,
    max(latency_ms) filter (where outcome = 'accepted') as longest_ms,
    min(least(tokens_input, tokens_output, latency_ms)) filter (where outcome = 'accepted') as least_amount,
    count(*) filter (where outcome = 'accepted' and event_time > arrived_at + interval 1 minute) as in_future,
    count(*) filter (where outcome = 'accepted' and event_time < arrived_at - interval {old_days} day) as old
from ({views})
where source = {source}
group by weeks, arrival_hour;
create temp table seen as
select distinct format from ({earlier}) where source = {source} and format is not null
"""

_LEDGER = """
create temp table ledger as
select
    arrival_hour as hour,
    coalesce(sum(records), 0) as records,
    coalesce(sum(accepted + rejected + not_a_call + report), 0) as outcomes,
    bool_and(checked_at >= arrival_hour + interval 1 hour) as has_ended
from lake.ingest_ledger
where source = {source}
group by arrival_hour;
create temp table reasons as
select hour, entry.key as reason, sum(entry.value) as rejected
from (
    select arrival_hour as hour, unnest(map_entries(rejects)) as entry from lake.ingest_ledger where source = {source}
)
group by all
"""

_FRAME = """
with batch as (
    select * from ledger where hour >= {start} and hour < {end}
),
conservation as (
    select
        'every_record_has_one_outcome' as expectation, hour, 'records without an outcome, or rows unlike the ledger'
            as subject,
        (abs(batch.records - outcomes) + abs(batch.records - coalesce(profiles.records, 0)))::double as value,
        null::double as lower, 0::double as upper, null as note
    from batch left join (from profiles where weeks = 0) as profiles using (hour)
),
earlier as (
    select batch.hour, ledger.records
    from batch cross join range(1, {weeks} + 1) as back (week)
    inner join ledger on ledger.hour = batch.hour - back.week * interval 7 day and ledger.has_ended
),
volume as (
    select
        'volume_is_as_in_weeks_before' as expectation, hour, 'records' as subject, batch.records::double as value,
        case when {volume_known} then greatest(median(earlier.records) - {volume_width}, 0) end as lower,
        case when {volume_known} then median(earlier.records) + {volume_width} end as upper,
        {volume_note} as note
    from batch left join earlier using (hour)
    where batch.has_ended
    group by hour, batch.records
),
rates as (
    select weeks, hour, subject, accepted, nulls / accepted as rate
    from (unpivot profiles on {null_columns} into name subject value nulls)
    where accepted >= {min_records}
),
null_rates as (
    select
        'null_rates_are_as_in_weeks_before' as expectation, now.hour, replace(now.subject, 'null_', '') as subject,
        now.rate as value, null::double as lower,
        case when {rate_known} then least(median(earlier.rate) + {rate_width}, 1) end as upper, {rate_note} as note
    from (from rates where weeks = 0) as now
    left join (from rates where weeks > 0) as earlier using (hour, subject)
    group by now.hour, now.subject, now.rate
),
amounts as (
    select
        'amounts_are_in_range' as expectation, hour,
        unnest(['tokens of a call', 'latency_ms', 'least amount']) as subject,
        unnest([most_tokens::double, longest_ms, least_amount]) as value,
        unnest([null, null, 0::double]) as lower,
        unnest([{max_tokens}::double, {max_latency_ms}::double, null]) as upper, null as note
    from profiles where weeks = 0
),
times as (
    select
        'event_times_are_near_arrival' as expectation, hour,
        unnest(['share after arrival', 'share more than {old_days} days before arrival']) as subject,
        unnest([in_future / accepted, old / accepted]) as value, null::double as lower,
        unnest([{max_future_share}, {max_old_share}]::double[]) as upper, null as note
    from profiles where weeks = 0 and accepted >= {min_records}
),
shares as (
    select ledger.hour, reasons.reason, reasons.rejected / ledger.records as share
    from reasons inner join ledger using (hour)
    where ledger.records >= {min_records}
),
rejects as (
    select
        'rejects_are_as_in_weeks_before' as expectation, now.hour, now.reason as subject, now.share as value,
        null::double as lower,
        least(case when {share_known} then median(earlier.share) + {share_width} else {rate_margin} end, 1) as upper,
        {share_note} as note
    from (from shares where hour >= {start} and hour < {end}) as now
    left join (
        select batch.hour, ended.reason, coalesce(shares.share, 0) as share
        from batch cross join range(1, {weeks} + 1) as back (week)
        inner join (
            select ledger.hour, all_reasons.reason
            from ledger cross join (select distinct reason from reasons) as all_reasons where ledger.records > 0
        ) as ended on ended.hour = batch.hour - back.week * interval 7 day
        left join shares on shares.hour = ended.hour and shares.reason = ended.reason
    ) as earlier on now.hour = earlier.hour and now.reason = earlier.reason
    group by now.hour, now.reason, now.share
),
formats as (
    select
        'formats_were_seen_before' as expectation, now.arrival_hour as hour, now.format as subject,
        count(*)::double as value, null::double as lower,
        case
            when exists (from seen)
                then case when now.format in (select format from seen) then null else 0::double end
        end as upper,
        case when not exists (from seen) then 'not enough history: nothing came before from this source' end as note
    from lake.raw_llm_events as now
    where now.source = {source} and now.format is not null and now.arrival_hour >= {start}
    group by now.arrival_hour, now.format
)
"""
_PARTS = ("conservation", "volume", "null_rates", "amounts", "times", "rejects", "formats")


def examine_batches(lake: Lake, settings: Settings, source: str, window: Window, folder: Path) -> list[Finding]:
    """Judge what lies under the arrival hours of `window` of a source; nothing if there is nothing to judge.

    Costs a scan of a dozen columns of those hours, of the same hours of `history_weeks` weeks, and of one
    column of the day before. `folder` is the run's own, for the frame.

    Raises:
        ExpectationsError: the library could not judge.
    """
    quality = settings.quality
    expectations = expectations_of(quality.severities, batches=True)
    with connect(limits=settings.duckdb) as connection:
        weeks = _mount(lake, connection, window, quality.history_weeks)
        values = _values(quality, source, window)
        columns = ", ".join(["source", "arrival_hour", "arrived_at", "format", "outcome", "event_time", *PROFILED])
        views = [f"select {number} as weeks, {columns} from {schema}.{RAW}" for number, schema in enumerate(weeks)]
        earlier = [f"select source, format from {schema}.{RAW}" for schema in (*weeks[1:], "day_before")]
        for script in (_PROFILES, _LEDGER):
            connection.execute(
                script.format(views=" union all ".join(views), earlier=" union all ".join(earlier), **values)
            )
        connection.execute("set schema = 'lake'")  # queries name tables as `llmops sql` does
        frame = _FRAME.format(**values) + " union all ".join(f"select * from {part}" for part in _PARTS)
        return examine(
            connection, frame, f"raw_{source}", expectations, _looking(source, quality), quality, window, folder
        )


def _mount(lake: Lake, connection: duckdb.DuckDBPyConnection, window: Window, history_weeks: int) -> list[str]:
    """Mount the batch and the same hours of earlier weeks; the schema of each, the batch's own first."""
    schemas = ["lake", *(f"week_{back}" for back in range(1, history_weeks + 1))]
    for back, schema in enumerate(schemas):
        lake.mount(connection, {RAW: Window(window.start - back * WEEK, window.end - back * WEEK)}, schema=schema)
    lake.mount(connection, {RAW: Window(window.start - DAY, window.start)}, schema="day_before")
    lake.mount(connection, {LEDGER: Window(window.start - history_weeks * WEEK, window.end)})
    return schemas


def _values(quality: QualitySettings, source: str, window: Window) -> dict[str, object]:
    """What the scripts are filled with."""
    nulls = [f"count(*) filter (where outcome = 'accepted' and {name} is null) as null_{name}" for name in PROFILED]
    margin = f"greatest({quality.volume_margin} * median(earlier.records), 10)"
    values: dict[str, object] = quality.model_dump()
    for name, column, least in (
        ("volume", "earlier.records", margin),
        ("rate", "earlier.rate", str(quality.rate_margin)),
        ("share", "earlier.share", str(quality.rate_margin)),
    ):
        values |= {
            f"{name}_known": bounds.is_known(column, quality),
            f"{name}_width": bounds.width(column, least, quality),
            f"{name}_note": bounds.note(column, quality),
        }
    return values | {
        "source": quoted(source),
        "start": instant(window.start),
        "end": instant(window.end),
        "weeks": quality.history_weeks,
        "nulls": ", ".join(nulls),
        "null_columns": ", ".join(f"null_{name}" for name in PROFILED),
        "max_latency_ms": quality.max_latency_minutes * 60_000,
    }


def _looking(source: str, quality: QualitySettings) -> Callable[[Row], Look]:
    """The query for the records behind a row of the frame."""
    of_amounts = {
        "tokens of a call": f"greatest(tokens_input, tokens_output) > {quality.max_tokens}",
        "latency_ms": f"latency_ms > {quality.max_latency_minutes * 60_000}",
        "least amount": "least(tokens_input, tokens_output, latency_ms) < 0",
        "share after arrival": "event_time > arrived_at + interval 1 minute",
        f"share more than {quality.old_days} days before arrival": (
            f"event_time < arrived_at - interval {quality.old_days} day"
        ),
    }

    def look(row: Row) -> Look:
        place = f"source = {quoted(source)}" + (f" and arrival_hour = {instant(row.hour)}" if row.hour else "")
        condition = {
            "every_record_has_one_outcome": "",
            "volume_is_as_in_weeks_before": "",
            "null_rates_are_as_in_weeks_before": f"outcome = 'accepted' and {row.subject} is null",
            "rejects_are_as_in_weeks_before": f"reject_reason = {quoted(row.subject)}",
            "formats_were_seen_before": f"format = {quoted(row.subject)}",
        }.get(row.expectation, f"outcome = 'accepted' and {of_amounts.get(row.subject)}")
        if condition:
            columns = (
                "uri, line, record_index, event_id, event_time, arrived_at, tokens_input, tokens_output, latency_ms"
            )
            return Look(f"select {columns} from {RAW} where {place} and {condition} order by uri, line, record_index")
        columns = "uri, records, accepted, rejected, not_a_call, report, checked_at"
        return Look(f"select {columns} from {LEDGER} where {place} order by records desc, uri")

    return look
