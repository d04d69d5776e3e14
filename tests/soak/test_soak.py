"""Under a real daemon: objects arrive each second, some late, some overwritten; a run and the daemon are killed.

A minute and a half by default; `make soak` gives it twenty.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
import pytest
from traffic import TOKENS_OUTPUT, Traffic

from llmops_assets.instance import dagster_home
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.warehouse.due import changed_since_billed, due_hours, due_reports, has_passed
from llmops_assets.windows import DAY

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

SECONDS = int(os.environ.get("SOAK_SECONDS", "90"))
ROOT = Path(__file__).parents[2]
CONFIG = """\
start = {start:%Y-%m-%dT00:00:00Z}
[[source]]
name = "calls"
uri = "records"
layout = "%Y-%m-%d/%H/"
[automation]
arrivals_every_seconds = 3
due_every_seconds = 3
look_back_hours = 72
full_look_every_minutes = 1
retry_after_seconds = 5
"""


@contextmanager
def _daemon(environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Dagster's daemon, gone with all that it started at the end."""
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", str(ROOT / "workspace.yaml")]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the daemon and everything that it started, as a power cut would."""
    if process.poll() is None:
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait()


def _kill_a_run(settings: Settings) -> str:
    """Kill the process of a run that is at work; the run's id."""

    def running() -> list[Path]:
        return [mark for mark in sorted(settings.running.glob("*")) if not mark.suffix]

    _until(lambda: bool(running()), "a run is at work", 120)
    mark = running()[0]
    os.kill(int(mark.read_text(encoding="utf-8")), signal.SIGKILL)
    return mark.name


def _until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {what}"
        time.sleep(1)


def _write_for(traffic: Traffic, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        traffic.write()
        time.sleep(1)


def _is_current(lake: Lake, settings: Settings, instance: dg.DagsterInstance, traffic: Traffic) -> bool:
    """Whether all that was written is taken in, and nothing is due or at work."""
    if not lake.exists("ingest_ledger") or due_hours(lake) or _days_due(lake) or _unfinished(instance):
        return False
    if due_reports(lake, settings):
        return False
    return _ledger(lake) == (traffic.truth.accepted, traffic.truth.rejected)


def _days_due(lake: Lake) -> list[datetime]:
    now = datetime.now(UTC)
    delay = Settings().warehouse.dedupe_margin * 12
    return [day for day in changed_since_billed(lake, "UTC") if has_passed(day, "UTC", delay, now)]


def _unfinished(instance: dg.DagsterInstance) -> bool:
    statuses = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    return bool(instance.get_runs(dg.RunsFilter(statuses=statuses), limit=1))


def _ledger(lake: Lake) -> tuple[int, int]:
    with lake.reader(["ingest_ledger"]) as connection:
        row = connection.execute(
            "select sum(accepted)::bigint, sum(rejected)::bigint from lake.ingest_ledger"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def _impatient(home: Path) -> Path:
    """The instance gives a run half a minute to start instead of two minutes."""
    file = home / "dagster.yaml"
    _, text = file.read_text(encoding="utf-8").split("\n", 1)  # without its first line the file is ours
    file.write_text(text.replace("start_timeout_seconds: 120", "start_timeout_seconds: 30"), encoding="utf-8")
    return home


def _reports(instance: dg.DagsterInstance) -> dict[str, list[tuple[str, bool]]]:
    """Digest of each report that was made, and whether its files were written, by day and in order."""
    found: dict[str, list[tuple[str, bool]]] = {}
    key = dg.AssetKey("cost_optimization_report")
    for record in instance.fetch_materializations(key, limit=1000, ascending=True).records:
        made = record.asset_materialization
        assert made is not None
        digest, changed = (made.metadata[name].value for name in ("digest", "changed"))
        found.setdefault(str(made.partition), []).append((str(digest), bool(changed)))
    return found


def _written_once_per_content(made: list[tuple[str, bool]]) -> bool:
    """Whether files were written exactly when the digest was another than before."""
    before = ["", *(digest for digest, _ in made)]
    return all(changed == (digest != last) for (digest, changed), last in zip(made, before, strict=False))


def test_everything_that_arrives_is_in_the_tables_once_whatever_is_killed(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    config = tmp_path / "llmops.toml"
    config.write_text(CONFIG.format(start=datetime.now(UTC).replace(day=1)), encoding="utf-8")
    settings = Settings.load(config)
    home = _impatient(dagster_home(settings))
    environment = {**os.environ, "LLMOPS_CONFIG": str(config), "DAGSTER_HOME": str(home)}
    environment["DAGSTER_EVENT_BATCH_SIZE"] = "1000"
    lake = Lake.open(settings.lake_catalog)
    traffic, log = Traffic(tmp_path / "records", seed=4), tmp_path / "daemon.log"

    with _daemon(environment, log) as daemon:
        _write_for(traffic, SECONDS / 3)
        killed = _kill_a_run(settings)
        _write_for(traffic, SECONDS / 3)
        _kill(daemon)
    with _daemon(environment, log), dg.DagsterInstance.from_config(str(home)) as instance:
        _write_for(traffic, SECONDS / 3)
        _until(lambda: _is_current(lake, settings, instance, traffic), f"all is current (see {log})", 600)
        run = instance.get_run_by_id(killed)
        reports = _reports(instance)

    yesterday = f"{datetime.now(UTC) - DAY:%Y-%m-%d}"
    assert yesterday in reports, reports
    assert all(map(_written_once_per_content, reports.values())), reports
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE, "the killed run is not left as if it were at work"
    with lake.reader(["llm_requests", "raw_llm_events"]) as connection:
        events, distinct, tokens = connection.execute(
            "select count(*), count(distinct event_id), sum(tokens_output)::bigint from lake.llm_requests"
        ).fetchall()[0]
        raw = connection.execute("select outcome, count(*) from lake.raw_llm_events group by outcome").fetchall()
    assert dict(raw) == {"accepted": traffic.truth.accepted, "rejected": traffic.truth.rejected}
    assert (events, distinct) == (len(traffic.truth.events),) * 2
    assert tokens == TOKENS_OUTPUT * len(traffic.truth.events)
