"""What is due, read from the lake alone: event hours touched since they were published, days changed since.

A window without a current row in `published_windows` is due again, whatever any orchestrator's log says.
Nothing is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from llmops_assets.lake import Lake
from llmops_assets.tables import PUBLISHED
from llmops_assets.touched import latest_touch, touches
from llmops_assets.windows import DAY, HOUR, Window, day_of

PUBLISHED_STATE = "published"
REUSE_DATES = 30
"""The dates, ending with its own, in which `reused_ids` looks for an id."""


@dataclass(frozen=True)
class Published:
    """A row of `published_windows`."""

    window: Window
    state: str
    run_id: str
    snapshots: str
    price_version: str
    raw_sequence_number: int
    requests_sequence_number: int
    first_published_at: datetime
    published_at: datetime


def published(lake: Lake, scope: str, window: Window | None = None) -> dict[datetime, Published]:
    """The rows of one scope (`hour` or `day`) by the start of their window."""
    if not lake.exists(PUBLISHED):
        return {}
    with lake.reader({PUBLISHED: window}) as connection:
        rows = connection.execute(
            "select window_start, window_end, state, run_id, snapshots, price_version, raw_sequence_number, "
            f"requests_sequence_number, first_published_at, published_at from lake.{PUBLISHED} where scope = ?",
            [scope],
        ).fetchall()
    found = (Published(Window(start.astimezone(UTC), end.astimezone(UTC)), *rest) for start, end, *rest in rows)
    return {row.window.start: row for row in found}


def due_hours(lake: Lake) -> list[datetime]:
    """Event hours that a raw commit touched after they were last published, oldest first."""
    return sorted(touched_since_published(lake))


def touched_since_published(lake: Lake) -> dict[datetime, str]:
    """The due hours, each with the raw sequence number of the commit that last touched it."""
    rows = published(lake, "hour")
    latest = latest_touch(touches(lake))
    return {hour: str(sequence) for hour, sequence in latest.items() if not _covers(rows, hour, sequence)}


def _covers(rows: Mapping[datetime, Published], hour: datetime, sequence: int) -> bool:
    row = rows.get(hour)
    return row is not None and row.state == PUBLISHED_STATE and row.raw_sequence_number >= sequence


def due_days(lake: Lake, zone: str) -> list[date]:
    """Billing dates with calls that read an hour published after the date was last computed, oldest first."""
    return sorted(start.date() for start in changed_since_billed(lake, zone))


def changed_since_billed(lake: Lake, zone: str) -> dict[datetime, str]:
    """The due dates (their midnights in UTC), each with the sequence number of the publish that last changed it."""
    newest: dict[datetime, int] = {}
    for hour, row in published(lake, "hour").items():
        for day in billing_dates(hour, zone):
            start = day_of(day)
            newest[start] = max(newest.get(start, -1), row.requests_sequence_number)
    read = {start: _read(row) for start, row in published(lake, "day").items()}
    wanted = {start: _newest_read(newest, start) for start in newest}
    return {start: str(sequence) for start, sequence in wanted.items() if read.get(start, -1) < sequence}


def _newest_read(newest: Mapping[datetime, int], day: datetime) -> int:
    """The newest commit of the dates that the tables of `day` read: itself and those before, for `reused_ids`."""
    return max(newest.get(day - before * DAY, -1) for before in range(REUSE_DATES))


def has_passed(day: datetime, zone: str, delay: timedelta, now: datetime) -> bool:
    """Whether the civil date in `zone` that `day` (midnight in UTC) names ended `delay` or longer ago."""
    next_midnight = datetime.combine(day.date() + timedelta(days=1), time.min, ZoneInfo(zone))
    return next_midnight.astimezone(UTC) + delay <= now


def _read(row: Published) -> int:
    return row.requests_sequence_number if row.state == PUBLISHED_STATE else -1


def billing_dates(hour: datetime, zone: str) -> set[date]:
    """The civil dates in `zone` on which instants of the UTC hour fall; two where midnight is inside it."""
    last = hour + HOUR - (HOUR / 3600)
    return {at.astimezone(ZoneInfo(zone)).date() for at in (hour, last)}
