"""The ingest ledger: one row per object version and arrival hour, counted from the rows in the lake.

It is written after the rows and never decides what is new; an hour whose entry is missing or wrong is
simply entered again. An ended hour that had nothing gets one row without an object. Of an object that could
not be read nothing is in the lake: its row says why, and that it is missing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import duckdb
import pyarrow as pa

from llmops_assets.lake import Lake
from llmops_assets.sources import ObjectRef
from llmops_assets.tables import LEDGER, LEDGER_SPEC, RAW
from llmops_assets.windows import Window

LONGEST_REASON = 300


class RunInfo(Protocol):
    """Who writes the ledger, and since when it looks."""

    @property
    def run_id(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...


@dataclass(frozen=True)
class Look:
    """What a refresh saw: objects, those that are no longer there, and those that could not be read."""

    listed: Iterable[ObjectRef]
    gone: Collection[str]
    failures: Mapping[str, str]
    durations: Mapping[str, float]
    replayed: Collection[str] = ()
    """Objects of which rejects were decoded once more."""


LISTED_SCHEMA = pa.schema(
    [
        ("uri", pa.string()),
        ("version", pa.string()),
        ("arrival_hour", pa.timestamp("us", "UTC")),
        ("bytes", pa.int64()),
        ("duration_ms", pa.float64()),
        ("failure", pa.string()),
    ]
)


def write_ledger(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    window: Window,
    look: Look,
    run: RunInfo,
) -> None:
    """Replace the ledger's rows of `source` in `window` by what the lake holds now and what was seen."""
    lake.ensure(LEDGER_SPEC)
    lake.mount(connection, {RAW: window, LEDGER: window})
    connection.execute(
        f"create or replace temp table earlier as select * from lake.{LEDGER} where source = ?", [source]
    )
    connection.register("listed", _listed(window, look))
    connection.register("gone", pa.table({"uri": pa.array(sorted(look.gone), pa.string())}))
    connection.register("replayed", pa.table({"uri": pa.array(sorted(look.replayed), pa.string())}))
    connection.register("hours", pa.table({"arrival_hour": _hours(window)}))
    query = _LEDGER_QUERY.format(
        raw=f"lake.{RAW}", source=source, run_id=run.run_id, started_at=run.started_at.isoformat()
    )
    lake.replace(LEDGER, window, connection, f"({query})", where={"source": source})


def unread_objects(lake: Lake, sources: Collection[str], since: datetime | None = None) -> dict[str, str]:
    """Objects of these sources, under arrival hours from `since` on, that could not be read, each with the reason.

    Those that are no longer there are left out: nothing can be done about them.
    """
    if not lake.exists(LEDGER):
        return {}
    lake.ensure(LEDGER_SPEC)
    with lake.reader([LEDGER]) as connection:
        rows = connection.execute(
            f"select uri, failure from lake.{LEDGER} where failure is not null and deleted_since is null "
            "and list_contains(?, source) and arrival_hour >= ? order by all",
            [list(sources), since or datetime.min.replace(year=1970, tzinfo=UTC)],
        ).fetchall()
    return dict(rows)


def _listed(window: Window, look: Look) -> pa.Table:
    rows = [
        {
            "uri": ref.uri,
            "version": ref.version,
            "arrival_hour": ref.arrival_hour,
            "bytes": ref.size,
            "duration_ms": look.durations.get(ref.uri),
            "failure": _short(look.failures.get(ref.uri)),
        }
        for ref in look.listed
        if ref.arrival_hour in window
    ]
    return pa.Table.from_pylist(rows, schema=LISTED_SCHEMA)


def _short(reason: str | None) -> str | None:
    return reason and reason[:LONGEST_REASON]


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
    where failure is not null or uri not in (select uri from counted)
    union
    -- Nothing is held of these, and they are no longer there: that they were there is kept.
    select arrival_hour, uri, version from earlier
    where records = 0 and uri in (select uri from gone) and uri not in (select uri from counted)
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
        case
            when coalesce(listed.failure, case when gone.uri is not null then earlier.failure end) is null
                then coalesce(if(earlier.failure is null, earlier.ingested_at, null), timestamptz '{started_at}')
        end as ingested_at,
        case when gone.uri is null then listed.failure else earlier.failure end as failure,
        case when gone.uri is not null then coalesce(earlier.deleted_since, timestamptz '{started_at}') end
            as deleted_since,
        if(replayed.uri is null, earlier.replayed_at, timestamptz '{started_at}') as replayed_at,
        if(replayed.uri is null, earlier.rejects_before_replay, earlier.rejects) as rejects_before_replay
    from objects
    left join counted using (uri, version, arrival_hour)
    left join reasons using (uri, version, arrival_hour)
    left join listed using (uri, version)
    left join earlier on earlier.uri = objects.uri and earlier.version = objects.version
    left join gone on gone.uri = objects.uri
    left join replayed on replayed.uri = objects.uri
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
