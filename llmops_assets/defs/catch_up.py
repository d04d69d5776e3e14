"""One catch-up of everything due, as Dagster runs in this process, without a daemon.

What is due is read from the lake before every step, so a catch-up may die anywhere and be run again, or
run beside another. Belongs here: turning due windows into runs. What the runs do is the assets' business.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from llmops_assets import progress
from llmops_assets.config_file import ConfigError
from llmops_assets.defs.event_log import quick_event_log
from llmops_assets.defs.ingestion import source_key
from llmops_assets.defs.partitions import partition_key
from llmops_assets.defs.quality import quality_keys
from llmops_assets.defs.reports import PAGE
from llmops_assets.defs.runs import RANGE_END, RANGE_START, here
from llmops_assets.defs.warehouse import LONGEST_DAYS, SUPERSEDED, table_keys
from llmops_assets.housekeeping import keep_house
from llmops_assets.ingest import pending_hours, unread_objects
from llmops_assets.instance import dagster_home
from llmops_assets.lake import Lake
from llmops_assets.locks import alone_in
from llmops_assets.settings import Settings
from llmops_assets.warehouse import due_days, due_hours, due_reports
from llmops_assets.warehouse.quality import quality_is_due
from llmops_assets.windows import DAY, HOUR, Window, contiguous, day_of

PASSES = 20


@dataclass(frozen=True)
class Step:
    """Windows of some assets that one run will bring up to date."""

    what: str
    keys: Sequence[dg.AssetKey]
    window: Window
    step: timedelta


@dataclass
class CatchUp:
    """What a catch-up did, and what is left."""

    runs: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything due was published."""
        return not self.left and not self.failures


def catch_up(settings: Settings, since: datetime | None = None) -> CatchUp:
    """One catch-up on the configured Dagster instance; `since` is the first arrival hour to look at."""
    from llmops_assets.definitions import defs_to_execute  # which loads this module

    home = dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with quick_event_log(home), _instance(home) as instance:
        return CatchingUp(defs_to_execute(), instance, settings, since).run()


def _instance(home: Path) -> dg.DagsterInstance:
    """The instance of this folder; of two processes that find it empty one makes its tables."""
    with alone_in(home):
        instance = dg.DagsterInstance.from_config(str(home))
        instance.get_runs_count()
        instance.all_asset_keys()
    return instance


class CatchingUp:
    """Runs due windows until nothing is due that did not already fail."""

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, since: datetime | None
    ) -> None:
        self.job = definitions.resolve_implicit_global_asset_job_def()
        self.hourly = table_keys(settings, "hourly")
        self.daily = table_keys(settings, "daily")
        self.report = [*table_keys(settings, "report"), dg.AssetKey(PAGE)]
        self.instance = instance
        self.settings = settings
        self.since = since
        self.lake = Lake.open(settings.lake_catalog)
        self.done = CatchUp()

    def run(self) -> CatchUp:
        """Arrivals first, then the event hours that they touched, their billing dates, and reports of whole days."""
        stages: list[Callable[[], list[Step]]] = [self._arrivals, self._hours, self._days, self._reports]
        for _ in range(PASSES):
            ran = [self._attempt(step) for stage in stages for step in stage()]
            if not ran:
                break
            if all(ran):
                stages = [self._hours, self._days, self._reports]  # what arrives from now on is for the next catch-up
            else:
                time.sleep(random.uniform(0.5, 3))  # noqa: S311 - another run is at work: let it finish
        else:
            self.done.left = [_name(step) for step in (*self._hours(), *self._days(), *self._reports())]
        unread = unread_objects(self.lake, [source.name for source in self.settings.source], self.since)
        self.done.failures |= {f"read {uri}": reason for uri, reason in unread.items()}
        if quality_is_due(self.lake) and (reason := self._materialize(quality_keys(), {})):
            self.done.failures["control tables"] = reason
        keep_house(self.lake, self.settings, datetime.now(UTC))
        return self.done

    def _attempt(self, step: Step) -> bool:
        """Run one step; False if another run took it over."""
        progress.report(f"{step.what} {step.window}", 0, 0)
        self.done.runs += 1
        last = step.window.end - step.step
        tags = {RANGE_START: partition_key(step.window.start, step.step), RANGE_END: partition_key(last, step.step)}
        reason = self._materialize(step.keys, tags)
        if reason is None or reason == SUPERSEDED:
            return reason is None
        self.done.failures[_name(step)] = reason
        return True

    def _materialize(self, keys: Sequence[dg.AssetKey], tags: dict[str, str]) -> str | None:
        """Why the run failed; None if it did not."""
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = self.job.execute_in_process(
            run_config=quiet,
            instance=self.instance,
            asset_selection=list(keys),
            tags=tags | here(),
            raise_on_error=False,
        )
        return None if result.success else _reason(result)

    def _arrivals(self) -> list[Step]:
        longest = self.settings.warehouse.max_hours_per_run * HOUR
        found = []
        for source in self.settings.source:
            progress.report(f"listing {source.name}", 0, 0)
            hours = pending_hours(self.lake, self.settings, source, datetime.now(UTC), self.since)
            found += list(self._steps(f"ingest {source.name}", [source_key(source.name)], list(hours), HOUR, longest))
        return found

    def _hours(self) -> list[Step]:
        hours = due_hours(self.lake)
        longest = self.settings.warehouse.max_hours_per_run * HOUR
        return list(self._steps("build", self.hourly, hours, HOUR, longest))

    def _days(self) -> list[Step]:
        days = [day_of(day) for day in due_days(self.lake, self.settings.warehouse.billing_time_zone)]
        return list(self._steps("bill", self.daily, days, DAY, LONGEST_DAYS * DAY))

    def _reports(self) -> list[Step]:
        days = [day_of(day) for day in due_reports(self.lake, self.settings)] if self.settings.reports.enabled else []
        return list(self._steps("report", self.report, days, DAY, LONGEST_DAYS * DAY))

    def _steps(
        self, what: str, keys: Sequence[dg.AssetKey], starts: Sequence[datetime], step: timedelta, longest: timedelta
    ) -> Iterator[Step]:
        if starts and min(starts) < self.settings.start - step + HOUR:
            raise ConfigError(
                f"{what}: {min(starts):%Y-%m-%dT%HZ} is due but lies before start = {self.settings.start:%Y-%m-%dT%HZ}"
                "; set an earlier start in llmops.toml"
            )
        for merged in contiguous(starts, step):
            for window in merged.chunks(longest):
                one = Step(what, keys, window, step)
                if _name(one) not in self.done.failures:
                    yield one


def _name(step: Step) -> str:
    return f"{step.what} {step.window}"


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """The message of the first failed step, as its author wrote it."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return data.user_failure_data.description or "failed"
            error = data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return error.message.strip() if error else "failed"
    return "the run failed before its first step"
