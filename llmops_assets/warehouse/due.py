"""What is due, read from the lake alone: event hours touched since they were published, days changed since.

A window without a current row in `published_windows` is due again, whatever any orchestrator's log says.
Nothing is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import LEDGER, PUBLISHED, REPORT_DAYS
from llmops_assets.touched import latest_touch, touches
from llmops_assets.windows import DAY, HOUR, Window, day_of

PUBLISHED_STATE = "published"
REPORT_SPAN = 7 * DAY
"""How far back a daily report looks: to the same day a week before."""


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
    """Billing dates that hold an hour published after the date was last computed, oldest first."""
    rows = published(lake, "day")
    newest: dict[date, int] = {}
    for hour, row in published(lake, "hour").items():
        for day in billing_dates(hour, zone):
            newest[day] = max(newest.get(day, -1), row.requests_sequence_number)
    read = {row.window.start.date(): _read(row) for row in rows.values()}
    return sorted(day for day, sequence in newest.items() if read.get(day, -1) < sequence)


def _read(row: Published) -> int:
    return row.requests_sequence_number if row.state == PUBLISHED_STATE else -1


def billing_dates(hour: datetime, zone: str) -> set[date]:
    """The civil dates in `zone` on which instants of the UTC hour fall; two where midnight is inside it."""
    last = hour + HOUR - (HOUR / 3600)
    return {at.astimezone(ZoneInfo(zone)).date() for at in (hour, last)}


def due_reports(lake: Lake, settings: Settings) -> list[date]:
    """Complete UTC days whose report is missing or was made from older data, oldest first.

    Older data is: an hour of the day or of the seven days before it was published since, or the day, the one
    before or the one a week before has become complete since. A report whose tables are published and whose
    files are not is due too.
    """
    complete = complete_days(lake, settings)
    tables, files = published(lake, "report"), published(lake, "report_file")
    newest = _newest_by_day(lake)
    told = _told_complete(lake)

    def is_current(day: datetime) -> bool:
        row = tables.get(day)
        span = (newest.get(day - back * DAY, 0) for back in range(REPORT_SPAN.days + 1))
        return (
            row is not None
            and _read(row) >= max(span)
            and told.get(day.date()) == tuple(one in complete for one in (day, day - DAY, day - REPORT_SPAN))
            and day in files
            and files[day].state == PUBLISHED_STATE
            and files[day].snapshots == row.snapshots
        )

    first = day_of(settings.start)
    return sorted(day.date() for day in complete if day >= first and not is_current(day))


def complete_days(lake: Lake, settings: Settings) -> set[datetime]:
    """Midnights of the UTC days whose data is all there.

    Every source's arrivals of the day and of the allowed delay after it were taken in by runs that began after
    they had ended, and no hour of the day is due or being published. An hour without calls needs no row.
    """
    closed = _closed_hours(lake, settings)
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    unfinished = {hour for hour, row in published(lake, "hour").items() if row.state != PUBLISHED_STATE}
    open_days = {day_of(hour) for hour in unfinished.union(due_hours(lake))}
    found = {day_of(hour) for hour in closed} - open_days
    return {day for day in found if all(one.start in closed for one in Window(day, day + DAY + delay).hours())}


def _closed_hours(lake: Lake, settings: Settings) -> set[datetime]:
    """Arrival hours that every configured source was asked for after their end."""
    names = [source.name for source in settings.source]
    if not names or not lake.exists(LEDGER):
        return set()
    with lake.reader([LEDGER]) as connection:
        rows = connection.execute(
            f"select arrival_hour from lake.{LEDGER} "
            "where checked_at >= arrival_hour + interval 1 hour and list_contains(?, source) "
            "group by arrival_hour having count(distinct source) = ?",
            [names, len(names)],
        ).fetchall()
    return {hour.astimezone(UTC) for (hour,) in rows}


def _newest_by_day(lake: Lake) -> dict[datetime, int]:
    """For every UTC day the last commit of `llm_requests` that published an hour of it."""
    newest: dict[datetime, int] = {}
    for hour, row in published(lake, "hour").items():
        day = day_of(hour)
        newest[day] = max(newest.get(day, 0), row.requests_sequence_number)
    return newest


def _told_complete(lake: Lake) -> dict[date, tuple[bool, bool, bool]]:
    """Which days each report took for complete: its own, the one before, the one a week before."""
    if not lake.exists(REPORT_DAYS):
        return {}
    with lake.reader([REPORT_DAYS]) as connection:
        rows = connection.execute(
            f"select report_date, is_complete, day_before_is_complete, week_before_is_complete from lake.{REPORT_DAYS}"
        ).fetchall()
    return {day: (own, before, week) for day, own, before, week in rows}
