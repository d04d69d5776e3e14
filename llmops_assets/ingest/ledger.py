"""The ingest ledger: one row per object version and arrival hour, counted from the rows in the lake.

It is written after the rows and never decides what is new; an hour whose entry is missing or wrong is
simply entered again. An ended hour that had nothing gets one row without an object.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

import duckdb
import pyarrow as pa

from llmops_assets.lake import Lake
from llmops_assets.sources import ObjectRef
from llmops_assets.tables import LEDGER, LEDGER_SPEC, RAW
from llmops_assets.windows import Window


class RunInfo(Protocol):
    """Who writes the ledger, and since when it looks."""

    @property
    def run_id(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...


LISTED_SCHEMA = pa.schema(
    [
        ("uri", pa.string()),
        ("version", pa.string()),
        ("arrival_hour", pa.timestamp("us", "UTC")),
        ("bytes", pa.int64()),
        ("duration_ms", pa.float64()),
    ]
)


def write_ledger(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    window: Window,
    listed: Iterable[ObjectRef],
    run: RunInfo,
    durations: Mapping[str, float],
) -> None:
    """Replace the ledger's rows of `source` in `window` by what the lake holds now."""
    lake.ensure(LEDGER_SPEC)
    lake.mount(connection, {RAW: window, LEDGER: window})
    connection.execute(
        f"create or replace temp table earlier as select * from lake.{LEDGER} where source = ?", [source]
    )
    connection.register("listed", _listed(window, listed, durations))
    connection.register("hours", pa.table({"arrival_hour": _hours(window)}))
    query = _LEDGER_QUERY.format(
        raw=f"lake.{RAW}", source=source, run_id=run.run_id, started_at=run.started_at.isoformat()
    )
    lake.replace(LEDGER, window, connection, f"({query})", where={"source": source})


def _listed(window: Window, listed: Iterable[ObjectRef], durations: Mapping[str, float]) -> pa.Table:
    rows = [
        {
            "uri": ref.uri,
            "version": ref.version,
            "arrival_hour": ref.arrival_hour,
            "bytes": ref.size,
            "duration_ms": durations.get(ref.uri),
        }
        for ref in listed
        if ref.arrival_hour in window
    ]
    return pa.Table.from_pylist(rows, schema=LISTED_SCHEMA)


def _hours(window: Window) -> pa.Array:
    return pa.array([hour.start for hour in window.hours()], pa.timestamp("us", "UTC"))


_LEDGER_QUERY = """
with counted as (
    select
        uri,
        version,
        arrival_hour,
        count(*) as records,
        count(*) filter (where outcome = 'accepted') as accepted,
        count(*) filter (where outcome = 'rejected') as rejected,
        count(*) filter (where outcome = 'not_a_call') as not_a_call,
        count(*) filter (where outcome = 'report') as report,
        sum(tokens_input) filter (where outcome = 'accepted') as tokens_input,
        sum(tokens_output) filter (where outcome = 'accepted') as tokens_output,
        sum(reported_cost_usd) filter (where outcome = 'accepted') as reported_cost_usd,
        min(event_time) filter (where outcome = 'accepted') as first_event_time,
        max(event_time) filter (where outcome = 'accepted') as last_event_time
    from {raw}
    where source = '{source}'
    group by all
),
reasons as (
    select uri, version, arrival_hour, map_from_entries(list((reject_reason, number) order by reject_reason)) as rejects
    from (
        select uri, version, arrival_hour, reject_reason, count(*) as number
        from {raw}
        where source = '{source}' and outcome = 'rejected'
        group by all
    )
    group by all
),
objects as (
    select arrival_hour, uri, version from counted
    union
    select arrival_hour, uri, version from listed
    where uri not in (select uri from counted)
),
entries as (
    select
        objects.arrival_hour,
        objects.uri,
        objects.version,
        coalesce(listed.bytes, earlier.bytes) as bytes,
        coalesce(counted.records, 0) as records,
        coalesce(counted.accepted, 0) as accepted,
        coalesce(counted.rejected, 0) as rejected,
        coalesce(counted.not_a_call, 0) as not_a_call,
        coalesce(counted.report, 0) as report,
        coalesce(reasons.rejects, map([]::varchar[], []::bigint[])) as rejects,
        counted.tokens_input,
        counted.tokens_output,
        counted.reported_cost_usd,
        counted.first_event_time,
        counted.last_event_time,
        coalesce(listed.duration_ms, earlier.duration_ms) as duration_ms,
        coalesce(earlier.ingested_at, timestamptz '{started_at}') as ingested_at
    from objects
    left join counted using (uri, version, arrival_hour)
    left join reasons using (uri, version, arrival_hour)
    left join listed using (uri, version)
    left join earlier on earlier.uri = objects.uri and earlier.version = objects.version
),
empty_hours as (
    select arrival_hour from hours
    where arrival_hour not in (select arrival_hour from entries)
),
rows as (
    select * from entries
    union all by name
    select
        arrival_hour, 0 as records, 0 as accepted, 0 as rejected, 0 as not_a_call, 0 as report,
        map([]::varchar[], []::bigint[]) as rejects, timestamptz '{started_at}' as ingested_at
    from empty_hours
)
select '{source}' as source, *, timestamptz '{started_at}' as checked_at, '{run_id}' as run_id
from rows
"""
