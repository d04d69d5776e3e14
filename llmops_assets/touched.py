"""Which event hours a raw commit touched, and therefore which hours are due.

A raw commit names the event hours of the rows it removed and added in its snapshot's summary, so that
rows and the work they cause are one atomic commit. Belongs here: writing and reading those names, and
keeping them beyond the snapshots' life. What is done about a due hour belongs to the warehouse.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from llmops_assets.lake import Lake, rows_of_spec
from llmops_assets.tables import RAW, TOUCHED, TOUCHED_SPEC
from llmops_assets.windows import HOUR, Window, contiguous

SUMMARY_KEY = "llmops.touched-hours"
SOURCE_KEY = "llmops.source"


@dataclass(frozen=True)
class Touch:
    """The ranges of event hours that one raw commit changed."""

    sequence_number: int
    source: str
    ranges: tuple[Window, ...]
    committed_at: datetime


def summary(source: str, hours: Iterable[datetime]) -> dict[str, str]:
    """Summary properties of a raw commit; 672 scattered hours make about 9 KB."""
    ranges = [[_stamp(window.start), len(window.hours())] for window in contiguous(hours)]
    return {SOURCE_KEY: source, SUMMARY_KEY: json.dumps(ranges, separators=(",", ":"))}


def touches(lake: Lake) -> list[Touch]:
    """All touches known, from the raw table's snapshots and from `touched_hours` for expired ones."""
    recent = {touch.sequence_number: touch for touch in _from_snapshots(lake)}
    kept = {touch.sequence_number: touch for touch in _from_table(lake)}
    return [touch for _, touch in sorted((kept | recent).items())]


def latest_touch(known: Iterable[Touch]) -> dict[datetime, int]:
    """For every touched event hour the sequence number of the last raw commit that touched it."""
    latest: dict[datetime, int] = defaultdict(int)
    for touch in known:
        for window in touch.ranges:
            for hour in window.hours():
                latest[hour.start] = max(latest[hour.start], touch.sequence_number)
    return dict(latest)


def preserve(lake: Lake, connection: duckdb.DuckDBPyConnection) -> int:
    """Copy touches that are only in snapshot summaries to `touched_hours`; call before expiring snapshots.

    Returns the number of commits copied. The table is replaced as a whole: it holds ranges, not rows.
    """
    kept = {touch.sequence_number for touch in _from_table(lake)}
    known = touches(lake)
    if all(touch.sequence_number in kept for touch in known):
        return 0
    lake.ensure(TOUCHED_SPEC)
    connection.register("preserved_touches", _as_arrow(known))
    lake.replace(TOUCHED, None, connection, "preserved_touches")
    return len(known) - len(kept)


def _as_arrow(known: Iterable[Touch]) -> pa.Table:
    rows = [
        {
            "raw_sequence_number": touch.sequence_number,
            "source": touch.source,
            "window_start": window.start,
            "window_end": window.end,
            "committed_at": touch.committed_at,
        }
        for touch in known
        for window in touch.ranges
    ]
    return rows_of_spec(TOUCHED_SPEC, rows)


def _from_snapshots(lake: Lake) -> list[Touch]:
    if not lake.exists(RAW):
        return []
    return [
        Touch(
            snapshot.sequence_number,
            snapshot.summary.get(SOURCE_KEY, ""),
            _ranges(snapshot.summary),
            snapshot.committed_at,
        )
        for snapshot in lake.snapshots(RAW)
        if SUMMARY_KEY in snapshot.summary
    ]


def _ranges(summary_of: Mapping[str, str]) -> tuple[Window, ...]:
    pairs = json.loads(summary_of[SUMMARY_KEY])
    starts = [(datetime.strptime(start, "%Y-%m-%dT%H").replace(tzinfo=UTC), hours) for start, hours in pairs]
    return tuple(Window(start, start + hours * HOUR) for start, hours in starts)


def _from_table(lake: Lake) -> list[Touch]:
    if not lake.exists(TOUCHED):
        return []
    with lake.reader([TOUCHED]) as connection:
        rows = connection.execute(
            "select raw_sequence_number, source, window_start, window_end, committed_at "
            f"from lake.{TOUCHED} order by all"
        ).fetchall()
    grouped: dict[int, list[tuple[str, Window, datetime]]] = defaultdict(list)
    for sequence, source, start, end, at in rows:
        grouped[sequence].append((source, Window(start.astimezone(UTC), end.astimezone(UTC)), at))
    return [
        Touch(sequence, parts[0][0], tuple(window for _, window, _ in parts), parts[0][2])
        for sequence, parts in grouped.items()
    ]


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"
