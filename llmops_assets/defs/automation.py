"""What runs without a hand: sensors that turn due windows into runs.

Belongs here: asking for runs. What is due is read from the lake at every look (`ingest`, `warehouse`), the
same functions that `llmops sync` uses, so a look may be lost, repeated or killed anywhere. A run is asked
for under a key made of its content, and not while another run is at work on the same windows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from llmops_assets.defs.ingestion import source_key
from llmops_assets.defs.partitions import partition_key
from llmops_assets.defs.quality import quality_keys
from llmops_assets.defs.reports import LONGEST_REPORT_DAYS, PAGE
from llmops_assets.defs.runs import RANGE_END, RANGE_START, Attempts, attempts, busy_windows, is_busy
from llmops_assets.defs.warehouse import LONGEST_DAYS, table_keys
from llmops_assets.ingest import pending_hours
from llmops_assets.lake import Lake
from llmops_assets.prices.book import versions
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource
from llmops_assets.tables import LEDGER, PUBLISHED
from llmops_assets.warehouse.due import (
    changed_since_billed,
    changed_since_reported,
    has_passed,
    touched_since_published,
)
from llmops_assets.warehouse.quality import quality_is_due
from llmops_assets.windows import DAY, HOUR, day_of
from llmops_assets.work import Tokens, Work, digest_of, pieces, without

WORK_TAG = "llmops/work"
BACKLOG_TAG = "llmops/backlog"
LONGEST_WAIT = 6 * HOUR


@dataclass(frozen=True)
class Group:
    """Assets that one job makes together, by partitions of `step`; a run takes at most `longest`."""

    job: str
    keys: frozenset[dg.AssetKey]
    step: timedelta
    longest: timedelta


@dg.definitions
def automation() -> dg.Definitions:
    """Jobs and the sensors that ask for them."""
    settings = Settings.load()
    longest = settings.warehouse.max_hours_per_run * HOUR
    arrivals = [
        (source, Group(f"ingest_{source.name}", frozenset({source_key(source.name)}), HOUR, longest))
        for source in settings.source
    ]
    hours = Group("build_hours", frozenset(table_keys(settings, "hourly")), HOUR, longest)
    days = Group("bill_days", frozenset(table_keys(settings, "daily")), DAY, LONGEST_DAYS * DAY)
    pages = frozenset({*table_keys(settings, "report"), dg.AssetKey(PAGE)})
    reports = Group("report_days", pages, DAY, LONGEST_REPORT_DAYS * DAY)
    control = Group("judge_windows", frozenset(quality_keys()), HOUR, longest)
    groups = [*(group for _, group in arrivals), hours, days, reports, control]
    return dg.Definitions(
        jobs=[
            dg.define_asset_job(group.job, selection=dg.AssetSelection.assets(*sorted(group.keys))) for group in groups
        ],
        sensors=[
            *(arrivals_sensor(source, group, settings) for source, group in arrivals),
            windows_sensor("due_hours", hours, settings, _due_hours),
            windows_sensor("due_billing_dates", days, settings, _due_days),
            windows_sensor("due_reports", reports, settings, _due_reports),
            control_sensor(control, settings),
        ],
    )


def _first_state(settings: Settings) -> dg.DefaultSensorStatus:
    """What a sensor is until someone switches it in the UI."""
    return dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED


def _now() -> datetime:
    """The time of a look; tests set it."""
    return datetime.now(UTC)


def arrivals_sensor(source: AnySource, group: Group, settings: Settings) -> dg.SensorDefinition:
    """New, changed and late objects of one source, and its ended hours that had none."""

    @dg.sensor(
        name=f"{source.name}_arrivals",
        job_name=group.job,
        minimum_interval_seconds=settings.automation.arrivals_every_seconds,
        default_status=_first_state(settings),
        description=(
            f"Takes in what is new in `{source.place}`: exactly the arrival hours that hold something new, changed or "
            "late, and each ended hour that had nothing. The cursor is the time of the last look at all of it that "
            "left nothing to do."
        ),
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now, current = _now(), Settings.load()
        full = _full_look_is_due(context.cursor, current, now)
        since = None if full else now - current.automation.look_back_hours * HOUR
        due = pending_hours(Lake.open(current.lake_catalog), current, source, now, since, through_now=True)
        return _asked(context, group, current, due, now, settled=now.isoformat() if full else None)

    return arrivals


def _full_look_is_due(cursor: str | None, settings: Settings, now: datetime) -> bool:
    every = timedelta(minutes=settings.automation.full_look_every_minutes)
    return cursor is None or datetime.fromisoformat(cursor) + every <= now


def windows_sensor(
    name: str, group: Group, settings: Settings, find: Callable[[Lake, Settings, datetime], Tokens]
) -> dg.SensorDefinition:
    """Windows that the lake says are due."""

    @dg.sensor(
        name=name,
        job_name=group.job,
        minimum_interval_seconds=settings.automation.due_every_seconds,
        default_status=_first_state(settings),
        description=find.__doc__,
    )
    def windows(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now, current = _now(), Settings.load()
        return _asked(context, group, current, find(Lake.open(current.lake_catalog), current, now), now)

    return windows


def _due_hours(lake: Lake, settings: Settings, now: datetime) -> Tokens:  # noqa: ARG001 - as the others
    """Builds the event hours that a raw commit touched after they were last published."""
    return touched_since_published(lake)


def _due_days(lake: Lake, settings: Settings, now: datetime) -> Tokens:
    """Builds each billing date when it has passed, and again when one of its hours was restated."""
    zone, delay = settings.warehouse.billing_time_zone, timedelta(minutes=settings.warehouse.max_delay_minutes)
    changed = changed_since_billed(lake, zone)
    return {day: token for day, token in changed.items() if has_passed(day, zone, delay, now)}


def _due_reports(lake: Lake, settings: Settings, now: datetime) -> Tokens:  # noqa: ARG001 - as the others
    """Writes the report of each complete UTC day, and again when it would be made from other data."""
    return changed_since_reported(lake, settings) if settings.reports.enabled else {}


def _asked(
    context: dg.SensorEvaluationContext,
    group: Group,
    settings: Settings,
    due: Tokens,
    now: datetime,
    *,
    settled: str | None = None,
) -> dg.SensorResult:
    """The runs to ask for, or why none. The cursor becomes `settled` when there is none to ask for or to wait for."""
    inside = {start: token for start, token in due.items() if start >= _first_start(settings, group.step)}
    idle = without(inside, busy_windows(context.instance, group.job, group.keys, group.step))
    requests = list(_requests(context.instance, group, settings, idle, now))
    reason = f"{len(due)} due, of which {len(due) - len(inside)} before start and {len(inside) - len(idle)} at work"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason("nothing is due" if not due else f"{reason}; the rest waits"),
        cursor=settled if settled and not requests and len(idle) == len(inside) else context.cursor,
    )


def _first_start(settings: Settings, step: timedelta) -> datetime:
    return settings.start if step == HOUR else day_of(settings.start)


def _requests(
    instance: dg.DagsterInstance, group: Group, settings: Settings, due: Tokens, now: datetime
) -> Iterator[dg.RunRequest]:
    """The newest pieces of work, and of the backlog the newest piece while none is at work."""
    backlog_before = now - settings.automation.backlog_after_hours * HOUR
    left = settings.automation.max_runs_per_tick
    backlog_is_free = not is_busy(instance, group.job, {BACKLOG_TAG: "true"})
    for work in pieces(due, group.step, group.longest, backlog_before):
        if left == 0 or (work.is_backlog and not backlog_is_free):
            return
        tried = attempts(instance, {WORK_TAG: _name(group, work)})
        if _may_start(tried, settings, now):
            backlog_is_free = backlog_is_free and not work.is_backlog
            left -= 1
            yield _request(group, work, tried.finished)


def _may_start(tried: Attempts, settings: Settings, now: datetime) -> bool:
    """Whether this work was never tried, or long enough ago: it failed, or finished and is due all the same."""
    if tried.last_end is None:
        return True
    doublings = min(tried.finished - 1, 10)
    wait = min(timedelta(seconds=settings.automation.retry_after_seconds << doublings), LONGEST_WAIT)
    return tried.last_end + wait <= now


def _name(group: Group, work: Work) -> str:
    return f"{group.job}:{work.window.start:%Y-%m-%dT%H}:{work.digest}"


def _request(group: Group, work: Work, attempt: int) -> dg.RunRequest:
    name = _name(group, work)
    first, last = (partition_key(at, group.step) for at in (work.window.start, work.window.end - group.step))
    tags = {
        RANGE_START: first,
        RANGE_END: last,
        WORK_TAG: name,
        **({BACKLOG_TAG: "true", "dagster/priority": "-1"} if work.is_backlog else {}),
    }
    return dg.RunRequest(run_key=f"{name}:{attempt}", job_name=group.job, tags=tags)


def control_sensor(group: Group, settings: Settings) -> dg.SensorDefinition:
    """The control table about the other tables."""

    @dg.sensor(
        name="due_quality",
        job_name=group.job,
        minimum_interval_seconds=settings.automation.due_every_seconds,
        default_status=_first_state(settings),
        description="Makes the control tables again when the ledger, the published windows or the books have changed.",
    )
    def quality(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        lake = Lake.open(Settings.load().lake_catalog)
        if not lake.exists(LEDGER) or not quality_is_due(lake):
            return dg.SkipReason("nothing has changed")
        if is_busy(context.instance, group.job, {}):
            return dg.SkipReason("a run is at work")
        made_from = [f"{table} {lake.current_snapshot(table)}" for table in (LEDGER, PUBLISHED)]
        digest = digest_of([*made_from, *versions()])
        tried = attempts(context.instance, {WORK_TAG: f"{group.job}:{digest}"})
        if not _may_start(tried, Settings.load(), _now()):
            return dg.SkipReason("the last run failed; it is tried again later")
        return dg.RunRequest(f"{group.job}:{digest}:{tried.finished}", tags={WORK_TAG: f"{group.job}:{digest}"})

    return quality
