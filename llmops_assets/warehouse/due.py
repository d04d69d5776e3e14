"""What is due, read from the lake alone: event hours touched since they were published, days changed since.

A window without a current row in `published_windows` is due again, whatever any orchestrator's log says.
Nothing is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import HOUR_IS_CLOSED, LEDGER, LEDGER_SPEC, PUBLISHED, REPORT_DAYS
from llmops_assets.touched import latest_touch, touches
from llmops_assets.windows import DAY, HOUR, Window, day_of

PUBLISHED_STATE = "published"
REUSE_DATES = 30
"""The dates, ending with its own, in which `reused_ids` looks for an id."""
REPORT_SPAN = 7 * DAY
"""How far back a daily report looks: to the same day a week before."""
_WHOLE: "WeakKeyDictionary[Lake, tuple[int | None, dict[str, dict[datetime, Published]]]]" = WeakKeyDictionary()
"""The table of a lake as of the snapshot that was last asked for."""


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


def published(lake: Lake, scope: str, window: Window | None = None) -> Mapping[datetime, Published]:
    """The rows of one scope (`hour` or `day`) by the start of their window."""
    if window is not None:
        return _read_published(lake, window).get(scope, {})
    snapshot = lake.current_snapshot(PUBLISHED)
    known = _WHOLE.get(lake)
    if known is None or known[0] != snapshot:  # a catch-up asks ten times for each state of the table
        known = snapshot, _read_published(lake, None)
        _WHOLE[lake] = known
    return known[1].get(scope, {})


def _read_published(lake: Lake, window: Window | None) -> dict[str, dict[datetime, Published]]:
    if not lake.exists(PUBLISHED):
        return {}
    with lake.reader({PUBLISHED: window}) as connection:
        rows = connection.execute(
            "select scope, window_start, window_end, state, run_id, snapshots, price_version, raw_sequence_number, "
            f"requests_sequence_number, first_published_at, published_at from lake.{PUBLISHED}"
        ).fetchall()
    found: dict[str, dict[datetime, Published]] = {}
    for scope, start, end, *rest in rows:
        span = Window(start.astimezone(UTC), end.astimezone(UTC))
        found.setdefault(scope, {})[span.start] = Published(span, *rest)
    return found


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


def due_reports(lake: Lake, settings: Settings) -> list[date]:
    """Complete UTC days whose report is missing or was made from older data, oldest first."""
    return sorted(day.date() for day in changed_since_reported(lake, settings))


def changed_since_reported(lake: Lake, settings: Settings) -> dict[datetime, str]:
    """The due days (their midnights), each with what their report has to be made from.

    Older data is: an hour of the day or of the seven days before it was published since, or the day, the one
    before or the one a week before has become complete since. A report whose tables are published and whose
    files are not is due too.
    """
    complete = complete_days(lake, settings)
    tables, files = published(lake, "report"), published(lake, "report_file")
    newest, told = _newest_by_day(lake), _told_complete(lake)
    due = {}
    for day in complete:
        read = max(newest.get(day - back * DAY, 0) for back in range(REPORT_SPAN.days + 1))
        known = tuple(one in complete for one in (day, day - DAY, day - REPORT_SPAN))
        is_current = _is_written(tables.get(day), files.get(day), read) and told.get(day.date()) == known
        if day >= day_of(settings.start) and not is_current:
            due[day] = f"{read} {known}"
    return due


def _is_written(tables: Published | None, files: Published | None, read: int) -> bool:
    """Whether the tables were made from commit `read` or a later one, and the files from those tables."""
    if tables is None or files is None or _read(tables) < read:
        return False
    return files.state == PUBLISHED_STATE and files.snapshots == tables.snapshots


def complete_days(lake: Lake, settings: Settings) -> set[datetime]:
    """Midnights of the UTC days whose data is all there.

    Every source's arrivals of the day and of the allowed delay after it were taken in by runs that began after
    they had ended, and no hour of the day is due or being published. An hour without calls needs no row; what
    lies before the first arrival of a source needs none either.
    """
    closed = _closed_hours(lake)
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    unfinished = {hour for hour, row in published(lake, "hour").items() if row.state != PUBLISHED_STATE}
    open_days = {day_of(hour) for hour in unfinished.union(due_hours(lake))}
    found = {day_of(hour) for hours in closed.values() for hour, is_closed in hours.items() if is_closed} - open_days
    sources = [closed.get(source.name, {}) for source in settings.source]
    return {day for day in found if all(_is_closed(hours, Window(day, day + DAY + delay)) for hours in sources)}


def _is_closed(hours: Mapping[datetime, bool], window: Window) -> bool:
    """Whether every arrival hour of the window from a source's first on was taken in."""
    first = min(hours, default=window.end)
    return first < window.end and all(hours.get(one.start, False) for one in window.hours() if one.start >= first)


def _closed_hours(lake: Lake) -> dict[str, dict[datetime, bool]]:
    """Arrival hours by source, and whether all of each was taken in after its end."""
    if not lake.exists(LEDGER):
        return {}
    lake.ensure(LEDGER_SPEC)
    with lake.reader([LEDGER]) as connection:
        rows = connection.execute(
            f"select source, arrival_hour, {HOUR_IS_CLOSED} from lake.{LEDGER} group by source, arrival_hour"
        ).fetchall()
    closed: dict[str, dict[datetime, bool]] = {}
    for source, hour, is_closed in rows:
        closed.setdefault(source, {})[hour.astimezone(UTC)] = is_closed
    return closed


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
