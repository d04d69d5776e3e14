"""Was everything that a source delivered taken in, and what became of it: `source_coverage`.

One row per source and hour of arrival, from what was listed to what was counted as a call. Belongs here: the
one account that the table, its check and `llmops ledger` share. Its cost grows with the objects of the hours
that are asked for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from llmops_assets.duck import connect
from llmops_assets.lake import Commit, Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import CONSERVATION, COVERAGE, COVERAGE_SPEC, KAFKA, LEDGER, LEDGER_SPEC, PUBLISHED, RAW
from llmops_assets.warehouse.due import due_hours
from llmops_assets.windows import Window

# An hour of arrival is settled if none of the event hours that its calls fall into waits to be built.
_QUERY = """
with ledger as (
    select
        source,
        arrival_hour,
        count(uri) as objects,
        count(uri) filter (where failure is null) as objects_read,
        count(uri) filter (where failure is not null and deleted_since is not null) as objects_lost,
        sum(bytes)::bigint as bytes,
        sum(records)::bigint as records,
        sum(accepted)::bigint as accepted,
        sum(rejected)::bigint as rejected,
        sum(not_a_call)::bigint as not_a_call,
        sum(report)::bigint as report,
        min(first_event_time) as first_event_time,
        max(last_event_time) as last_event_time,
        bool_or(checked_at >= arrival_hour + interval 1 hour) as is_closed,
        max(checked_at) as checked_at
    from lake.ingest_ledger
    group by source, arrival_hour
),
ranges as (
    select
        source,
        arrival_hour,
        sum(end_offset - start_offset)::bigint as offsets,
        coalesce(sum(end_offset - start_offset) filter (where state = 'complete'), 0)::bigint as offsets_read,
        coalesce(sum(end_offset - start_offset) filter (where state = 'gap accepted'), 0)::bigint as offsets_lost
    from {ranges}
    -- Those name objects, which are what is expected.
    where not ends_with(source, '.notifications')
    group by source, arrival_hour
),
entries as (
    select
        source,
        arrival_hour,
        if(ranges.source is null, 'object', 'offset') as unit,
        coalesce(offsets, objects) as expected,
        coalesce(offsets_read, objects_read) as read,
        coalesce(offsets_lost, objects_lost) as lost,
        coalesce(bytes, 0) as bytes,
        coalesce(records, 0) as records,
        coalesce(accepted, 0) as accepted,
        coalesce(rejected, 0) as rejected,
        coalesce(not_a_call, 0) as not_a_call,
        coalesce(report, 0) as report,
        first_event_time,
        last_event_time,
        coalesce(is_closed, false) and expected = read + lost as is_complete,
        checked_at
    from ledger
    full outer join ranges using (source, arrival_hour)
),
reasons as (
    select source, arrival_hour, map_from_entries(list((reason, number) order by reason)) as rejects
    from (
        select source, arrival_hour, entry.key as reason, sum(entry.value)::bigint as number
        from (select source, arrival_hour, unnest(map_entries(rejects)) as entry from lake.ingest_ledger)
        group by all
    )
    group by all
),
outcomes as (
    select
        source,
        arrival_hour,
        sum(events)::bigint as events,
        sum(exact_duplicates)::bigint as exact_duplicates,
        sum(conflicts)::bigint as conflicts,
        sum(duplicates_of_other_sources)::bigint as duplicates_of_other_sources,
        sum(reconciliation_records)::bigint as reconciliation_records
    from (select * from {outcomes} union all by name select null::bigint as reconciliation_records where false)
    group by all
),
waiting as (
    select distinct source, arrival_hour
    from entries
    inner join due on due.start >= date_trunc('hour', first_event_time) and due.start <= last_event_time
)
select
    entries.source,
    entries.arrival_hour,
    unit,
    expected,
    read,
    lost,
    bytes,
    records,
    accepted,
    rejected,
    not_a_call,
    report,
    coalesce(rejects, map([]::varchar[], []::bigint[])) as rejects,
    coalesce(events, 0) as events,
    coalesce(exact_duplicates, 0) as exact_duplicates,
    coalesce(conflicts, 0) as conflicts,
    coalesce(duplicates_of_other_sources, 0) as duplicates_of_other_sources,
    coalesce(reconciliation_records, 0) as reconciliation_records,
    accepted - coalesce(events, 0) - coalesce(exact_duplicates, 0) - coalesce(conflicts, 0)
        - coalesce(reconciliation_records, 0) as unbuilt,
    waiting.source is null as is_settled,
    is_complete,
    case when is_complete then checked_at end as complete_since
from entries
left join reasons using (source, arrival_hour)
left join outcomes using (source, arrival_hour)
left join waiting using (source, arrival_hour)
"""

_NO_OUTCOMES = """(
    select null::varchar as source, null::timestamptz as arrival_hour, 0::bigint as events,
        0::bigint as exact_duplicates, 0::bigint as conflicts, 0::bigint as duplicates_of_other_sources
    where false
)"""

_COUNTED = ("records", "accepted", "rejected", "not_a_call", "report", "unbuilt")
_UNACCOUNTED = f"""
select source, arrival_hour, {", ".join(_COUNTED)}
from account
where records <> accepted + rejected + not_a_call + report or (is_settled and unbuilt <> 0)
order by source, arrival_hour
"""


_NO_RANGES = """(
    select null::varchar as source, null::timestamptz as arrival_hour, null::varchar as state,
        0::bigint as start_offset, 0::bigint as end_offset
    where false
)"""


@dataclass(frozen=True)
class Coverage:
    """The table as it was made, and the hours in which a record is missing or counted twice: source, hour, counts."""

    commit: Commit
    unaccounted: list[tuple[str, datetime, dict[str, int]]]


def write_coverage(lake: Lake, settings: Settings) -> Coverage:
    """Make `source_coverage` again."""
    lake.ensure(COVERAGE_SPEC)
    with connect(limits=settings.duckdb) as connection:
        connection.execute(f"create temp table account as {covered(lake, connection)}")
        commit = lake.replace(COVERAGE, None, connection, "account")
        wrong = connection.execute(_UNACCOUNTED).fetchall()
    return Coverage(
        commit,
        [(source, hour.astimezone(UTC), dict(zip(_COUNTED, counts, strict=True))) for source, hour, *counts in wrong],
    )


def covered(lake: Lake, connection: duckdb.DuckDBPyConnection, window: Window | None = None) -> str:
    """Mount what the account reads; the select that gives it, of the arrival hours of `window` or of all."""
    lake.ensure(LEDGER_SPEC)
    due, state = {*due_hours(lake)}, _state(lake)
    is_built, has_ranges = lake.exists(CONSERVATION), lake.exists(KAFKA)
    others = ({CONSERVATION: None} if is_built else {}) | ({KAFKA: window} if has_ranges else {})
    lake.mount(connection, {LEDGER: window} | others)
    if _state(lake) != state:  # others take in and publish meanwhile: what was due before or after is not settled
        due |= {*due_hours(lake)}
    connection.register("due", pa.table({"start": pa.array(sorted(due), pa.timestamp("us", "UTC"))}))
    return _QUERY.format(
        outcomes=f"lake.{CONSERVATION}" if is_built else _NO_OUTCOMES,
        ranges=f"lake.{KAFKA}" if has_ranges else _NO_RANGES,
    )


def _state(lake: Lake) -> tuple[int | None, int | None]:
    """What decides which hours are due."""
    return lake.current_snapshot(RAW), lake.current_snapshot(PUBLISHED)
