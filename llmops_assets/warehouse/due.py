"""What is due, read from the lake alone: event hours touched since they were published, days changed since.

A window without a current row in `published_windows` is due again, whatever any orchestrator's log says.
Nothing is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from llmops_assets.lake import Lake
from llmops_assets.tables import PUBLISHED
from llmops_assets.touched import latest_touch, touches
from llmops_assets.windows import HOUR, Window

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
    rows = published(lake, "hour")
    return sorted(hour for hour, sequence in latest_touch(touches(lake)).items() if not _covers(rows, hour, sequence))


def _covers(rows: Mapping[datetime, Published], hour: datetime, sequence: int) -> bool:
    row = rows.get(hour)
    return row is not None and row.state == PUBLISHED_STATE and row.raw_sequence_number >= sequence


def due_days(lake: Lake, zone: str) -> list[date]:
    """Billing dates with calls that read an hour published after the date was last computed, oldest first."""
    rows = published(lake, "day")
    newest: dict[date, int] = {}
    for hour, row in published(lake, "hour").items():
        for day in billing_dates(hour, zone):
            newest[day] = max(newest.get(day, -1), row.requests_sequence_number)
    computed = {row.window.start.date(): _read(row) for row in rows.values()}
    return sorted(day for day in newest if computed.get(day, -1) < _newest_read(newest, day))


def _newest_read(newest: Mapping[date, int], day: date) -> int:
    """The newest commit of the dates that the tables of `day` read: itself and those before, for `reused_ids`."""
    return max(newest.get(day - timedelta(days=before), -1) for before in range(REUSE_DATES))


def _read(row: Published) -> int:
    return row.requests_sequence_number if row.state == PUBLISHED_STATE else -1


def billing_dates(hour: datetime, zone: str) -> set[date]:
    """The civil dates in `zone` on which instants of the UTC hour fall; two where midnight is inside it."""
    last = hour + HOUR - (HOUR / 3600)
    return {at.astimezone(ZoneInfo(zone)).date() for at in (hour, last)}
