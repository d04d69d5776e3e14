"""What Dagster's instance knows of runs: which windows are being worked on, and what was tried before.

Belongs here: reading run records and their tags. No decision is made here.
"""

import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

from llmops_assets.locks import is_abandoned
from llmops_assets.windows import DAY, Window

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
HOST = "llmops/host"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Attempts:
    """Runs of one piece of work that have ended."""

    finished: int
    last_end: datetime | None


def attempts(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> Attempts:
    """What was tried under these tags."""
    records = instance.get_run_records(dg.RunsFilter(tags=dict(tags)))
    ends = [datetime.fromtimestamp(record.end_time, UTC) for record in records if record.end_time is not None]
    return Attempts(len(ends), max(ends, default=None))


def is_busy(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]) -> bool:
    """Whether an unfinished run of the job carries these tags."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED, tags=dict(tags)), limit=1))


def busy_windows(instance: dg.DagsterInstance, job: str, keys: Iterable[dg.AssetKey], step: timedelta) -> list[Window]:
    """Windows of unfinished runs of the job, or of any run that makes some of its assets."""
    made = set(keys)
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    mine = (run for run in runs if run.job_name == job or made & (run.asset_selection or set()))
    return [window for run in mine for window in _windows(run.tags, step)]


def here() -> dict[str, str]:
    """The tag of a run that this process executes itself: where to look for the process later."""
    return {HOST: socket.gethostname()}


def lost_runs(instance: dg.DagsterInstance, marks: Path) -> list[dg.DagsterRun]:
    """Runs that began on this machine, did not end, and have no process any more."""
    gone = [run for run in _at_work(instance) if _is_gone(instance, run, marks / run.run_id)]
    still = {run.run_id for run in _at_work(instance)} if gone else set()
    return [run for run in gone if run.run_id in still]  # a run that ended while it was looked at is not lost


def _at_work(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    return list(instance.get_runs(dg.RunsFilter(statuses=statuses)))


def _is_gone(instance: dg.DagsterInstance, run: dg.DagsterRun, mark: Path) -> bool:
    """By its mark; a run that was killed before it made one, by its process, if that was of this machine."""
    if mark.exists():
        return is_abandoned(mark)
    process = _process(instance, run) if _is_of_this_machine(run) else None
    return process is not None and not _lives(process)


def _is_of_this_machine(run: dg.DagsterRun) -> bool:
    """Whether this process executed it, or the daemon of this machine had it executed by a child."""
    launched = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return run.tags.get(HOST) == socket.gethostname() or launched.get("host") == "localhost"


def _process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """The id of the process that last said that it works on the run."""
    said = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    ids = [entry.dagster_event.engine_event_data.metadata.get("pid") for entry in said if entry.dagster_event]
    return next((int(str(one.value)) for one in reversed(ids) if one is not None), None)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _windows(tags: Mapping[str, str], step: timedelta) -> list[Window]:
    first, last = tags.get(RANGE_START, tags.get(PARTITION)), tags.get(RANGE_END, tags.get(PARTITION))
    if first is None or last is None:
        return []
    return [Window(_start(first, step), _start(last, step) + step)]


def _start(key: str, step: timedelta) -> datetime:
    """The start of the partition that Dagster calls `key`."""
    return datetime.strptime(key, "%Y-%m-%d" if step == DAY else "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
