"""Every sensor on a real instance, one test for each way in which something becomes due, is at work, or is not."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG

from llmops_assets.definitions import defs
from llmops_assets.defs import automation
from llmops_assets.defs.runs import HOST, lost_runs
from llmops_assets.lake import Lake
from llmops_assets.locks import at_work
from llmops_assets.settings import Settings
from llmops_assets.tables import RAW
from llmops_assets.touched import summary
from llmops_assets.windows import HOUR

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 3, 12, 20, tzinfo=UTC)
SETTINGS = """\
start = 2026-08-01T00:00:00Z
[[source]]
name = "calls"
uri = "records"
layout = "%Y-%m-%d/%H/"
[automation]
retry_after_seconds = 300
"""
SENSORS = ("calls_arrivals", "due_hours", "due_billing_dates", "due_reports")
CALL = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100, "success": True}


@dataclass
class Site:
    """A code location with one source, an instance, and a clock that stands still."""

    folder: Path
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    monkeypatch: pytest.MonkeyPatch
    cursors: dict[str, str | None]

    def at(self, now: datetime) -> None:
        """Set the clock of the sensors."""
        self.monkeypatch.setattr(automation, "_now", lambda: now)

    def put(self, hour: str, name: str, *event_ids: str, at: str | None = None) -> Path:
        """An object under the prefix of an hour, with a call for each id."""
        file = self.folder / "records" / hour[:10] / hour[11:13] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        calls = [CALL | {"event_id": one, "timestamp": at or f"{hour}:30:00Z"} for one in event_ids]
        file.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
        return file

    def look(self, sensor: str) -> dg.SensorResult:
        """One look of a sensor, whose answer is lost: its cursor does not move."""
        context = dg.build_sensor_context(
            self.instance, cursor=self.cursors.get(sensor), definitions=self.definitions, sensor_name=sensor
        )
        found = self.definitions.get_repository_def().get_sensor_def(sensor)(context)
        if isinstance(found, dg.RunRequest):
            return dg.SensorResult([found])
        return found if isinstance(found, dg.SensorResult) else dg.SensorResult(skip_reason=found)

    def tick(self, sensor: str) -> list[dg.RunRequest]:
        """One look, as the daemon takes it: requests and cursor together."""
        result = self.look(sensor)
        self.cursors[sensor] = result.cursor or self.cursors.get(sensor)
        return list(result.run_requests or [])

    def run(self, request: dg.RunRequest, *, job: str | None = None) -> dg.ExecuteInProcessResult:
        """Execute what was asked for."""
        name = job or request.job_name or "judge_windows"
        made = self.definitions.resolve_job_def(name)
        return made.execute_in_process(instance=self.instance, tags=dict(request.tags), raise_on_error=False)

    def settle(self) -> dict[str, int]:
        """Tick and run everything until nothing is asked for; how many runs of each job."""
        done: dict[str, int] = {}
        for _ in range(12):
            asked = [one for sensor in SENSORS for one in self.tick(sensor)]
            for request in asked:
                assert self.run(request).success
                done[str(request.job_name)] = done.get(str(request.job_name), 0) + 1
            if not asked:
                return done
        raise AssertionError("work never ends")

    @property
    def lake(self) -> Lake:
        return Lake.open(Settings.load().lake_catalog)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    (tmp_path / "llmops.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "records").mkdir()
    monkeypatch.setenv("LLMOPS_CONFIG", str(tmp_path / "llmops.toml"))
    with dg.DagsterInstance.ephemeral() as instance:
        made = Site(tmp_path, instance, defs(), monkeypatch, {})
        made.at(NOON)
        yield made


def _windows(requests: Sequence[dg.RunRequest]) -> list[tuple[str, str]]:
    first, last = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
    return [(request.tags[first], request.tags[last]) for request in requests]


def test_a_new_object_asks_for_its_hour_and_the_ended_hours_after_it_and_then_for_nothing(site: Site) -> None:
    site.put("2026-11-03T10", "a.ndjson", "a")
    (request,) = site.tick("calls_arrivals")
    assert _windows([request]) == [("2026-11-03-10:00", "2026-11-03-11:00")]  # the running hour has nothing yet
    assert site.cursors["calls_arrivals"] is None, "a full look that found something is taken again"
    report = site.run(request)
    assert report.success
    assert site.tick("calls_arrivals") == []
    assert site.cursors["calls_arrivals"] == NOON.isoformat()
    materialized = site.instance.get_materialized_partitions(dg.AssetKey(["raw", "calls"]))
    assert materialized == {"2026-11-03-10:00", "2026-11-03-11:00"}


def test_an_ended_hour_without_objects_is_asked_for_once(site: Site) -> None:
    site.put("2026-11-03T10", "a.ndjson", "a")
    site.settle()
    site.at(NOON + HOUR)
    (request,) = site.tick("calls_arrivals")
    assert _windows([request]) == [("2026-11-03-12:00", "2026-11-03-12:00")]
    site.run(request)
    assert site.tick("calls_arrivals") == []


def test_a_lost_look_asks_again_under_the_same_key_and_a_new_object_under_another(site: Site) -> None:
    site.put("2026-11-03T12", "a.ndjson", "a")
    first, second = (site.look("calls_arrivals").run_requests for _ in range(2))
    assert first is not None
    assert second is not None
    assert [one.run_key for one in first] == [one.run_key for one in second]
    site.put("2026-11-03T12", "b.ndjson", "b")
    third = site.look("calls_arrivals").run_requests
    assert third is not None
    assert third[0].run_key != first[0].run_key


def test_an_object_overwritten_between_looks_is_asked_for_again_with_equal_time_and_size(site: Site) -> None:
    file = site.put("2026-11-03T10", "a.ndjson", "a")
    site.settle()
    changed = site.put("2026-11-03T10", "new", "b")
    os.utime(changed, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    assert changed.stat().st_size == file.stat().st_size
    changed.replace(file)
    (request,) = site.tick("calls_arrivals")
    assert _windows([request]) == [("2026-11-03-10:00", "2026-11-03-10:00")]
    site.run(request)
    with site.lake.reader([RAW]) as connection:
        assert connection.execute("select event_id from lake.raw_llm_events").fetchall() == [("b",)]


def test_an_object_with_the_time_of_an_older_one_is_found(site: Site) -> None:
    file = site.put("2026-11-03T10", "z.ndjson", "a")
    site.settle()
    late = site.put("2026-11-03T10", "a.ndjson", "b")
    os.utime(late, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    assert _windows(site.tick("calls_arrivals")) == [("2026-11-03-10:00", "2026-11-03-10:00")]


def test_an_object_under_an_old_prefix_is_found_by_the_next_full_look(site: Site) -> None:
    site.put("2026-11-03T10", "a.ndjson", "a")
    site.settle()
    site.put("2026-10-20T08", "late.ndjson", "b")
    assert site.tick("calls_arrivals") == [], "beyond the 48 hours of a quick look"
    site.at(NOON + timedelta(minutes=361))
    assert _windows(site.tick("calls_arrivals")) == [
        ("2026-11-03-12:00", "2026-11-03-17:00"),  # the present first
        ("2026-11-01-19:00", "2026-11-03-09:00"),
        ("2026-10-25-19:00", "2026-11-01-18:00"),  # then the newest week of the backlog
    ]
    assert site.settle()["ingest_calls"] == 4, "and then the rest of it"
    with site.lake.reader(["llm_requests"]) as connection:
        assert connection.execute("select count(*) from lake.llm_requests").fetchone() == (2,)


def test_a_run_that_waits_in_the_queue_is_not_asked_for_twice(site: Site) -> None:
    site.put("2026-11-03T12", "a.ndjson", "a")
    (request,) = site.tick("calls_arrivals")
    job = site.definitions.resolve_job_def("ingest_calls")
    run = site.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.NOT_STARTED)
    site.put("2026-11-03T12", "b.ndjson", "b")
    assert site.tick("calls_arrivals") == []
    site.instance.delete_run(run.run_id)
    assert len(site.tick("calls_arrivals")) == 1


def test_a_materialization_by_hand_keeps_the_sensor_away_from_its_windows(site: Site) -> None:
    site.put("2026-11-03T12", "a.ndjson", "a")
    job = site.definitions.resolve_implicit_global_asset_job_def()
    site.instance.create_run_for_job(
        job,
        tags={"dagster/partition": "2026-11-03-12:00"},
        status=dg.DagsterRunStatus.NOT_STARTED,
        asset_selection=frozenset({dg.AssetKey(["raw", "calls"])}),
    )
    assert site.tick("calls_arrivals") == []


def test_a_killed_run_is_marked_failed_and_its_work_is_asked_for_after_a_pause(site: Site, tmp_path: Path) -> None:
    site.put("2026-11-03T12", "a.ndjson", "a")
    (request,) = site.tick("calls_arrivals")
    job = site.definitions.resolve_job_def("ingest_calls")
    run = site.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    marks = Settings.load().running
    with at_work(marks / run.run_id):
        assert lost_runs(site.instance, marks) == [], "its process is alive"
    assert lost_runs(site.instance, marks) == [], "it ended by itself"
    (marks / run.run_id).touch()  # what a killed process leaves: a mark that nobody holds
    site.look("lost_runs")
    ended = site.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
    site.at(datetime.now(UTC))
    site.put("2026-11-03T12", "a.ndjson", "a")  # nothing else changes with the clock
    assert not any(one.run_key == request.run_key for one in site.tick("calls_arrivals"))


@pytest.mark.parametrize(
    ("tags", "process", "lost"),
    [
        ({GRPC_INFO_TAG: '{"host": "localhost", "socket": "/run/s"}'}, "gone", True),
        ({HOST: socket.gethostname()}, "gone", True),
        ({HOST: socket.gethostname()}, "alive", False),
        ({HOST: f"not-{socket.gethostname()}"}, "gone", False),
        ({GRPC_INFO_TAG: '{"host": "code.example", "port": 4000}'}, "gone", False),
        ({}, "gone", False),
    ],
)
def test_a_run_killed_before_it_marked_itself_is_lost_if_its_process_was_of_this_machine(
    site: Site, tags: dict[str, str], process: str, lost: bool
) -> None:
    job = site.definitions.resolve_job_def("ingest_calls")
    tags = tags | {"dagster/partition": "2026-11-03-12:00"}
    run = site.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    marks = Settings.load().running
    assert lost_runs(site.instance, marks) == [], "it has not said which process is its own"
    pid = os.getpid() if process == "alive" else _ended_process()
    site.instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    assert [one.run_id for one in lost_runs(site.instance, marks)] == [run.run_id] * lost


def _ended_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_failed_work_is_tried_again_with_growing_pauses_under_new_keys(site: Site) -> None:
    settings = Settings.load()
    ended = datetime(2026, 11, 3, 12, tzinfo=UTC)
    allowed = {
        failures: next(
            minutes
            for minutes in range(1000)
            if automation._may_start(automation.Attempts(failures, ended), settings, ended + timedelta(minutes=minutes))
        )
        for failures in (1, 2, 3, 4, 12)
    }
    assert allowed == {1: 5, 2: 10, 3: 20, 4: 40, 12: 360}


def test_due_hours_are_built_once_and_a_day_when_it_has_passed(site: Site) -> None:
    site.put("2026-11-03T10", "a.ndjson", "a")
    assert site.settle() == {"ingest_calls": 1, "build_hours": 1}, "the day still runs"
    assert site.tick("due_hours") == []
    site.at(datetime(2026, 11, 4, 0, 59, tzinfo=UTC))
    assert site.tick("due_billing_dates") == []
    site.at(datetime(2026, 11, 4, 1, tzinfo=UTC))  # midnight and the allowed delay
    (request,) = site.tick("due_billing_dates")
    assert _windows([request]) == [("2026-11-03", "2026-11-03")]
    assert site.run(request).success
    assert site.tick("due_billing_dates") == []


def test_late_data_of_a_closed_day_makes_its_hours_and_its_day_due_again(site: Site) -> None:
    site.put("2026-11-01T10", "a.ndjson", "a")
    assert site.settle() == {"ingest_calls": 2, "build_hours": 1, "bill_days": 1, "report_days": 2}, (
        "the 1st and the 2nd"
    )
    first = _report(site, "2026-11-01")
    site.put("2026-11-03T12", "late.ndjson", "b", at="2026-11-01T10:40:00Z")
    (request,) = site.tick("calls_arrivals")
    site.run(request)
    (hours,) = site.tick("due_hours")
    assert _windows([hours]) == [("2026-11-01-10:00", "2026-11-01-10:00")]
    site.run(hours)
    (day,) = site.tick("due_billing_dates")
    assert _windows([day]) == [("2026-11-01", "2026-11-01")]
    site.run(day)
    with site.lake.reader(["tenant_cost_daily"]) as connection:
        assert connection.execute("select sum(requests) from lake.tenant_cost_daily").fetchone() == (2,)
    assert site.tick("due_billing_dates") == []
    reports = site.tick("due_reports")
    assert sorted(_windows(reports)) == [("2026-11-01", "2026-11-01"), ("2026-11-02", "2026-11-02")]
    assert all(site.run(request).success for request in reports)
    assert site.tick("due_reports") == []
    assert _report(site, "2026-11-01") != first


def test_an_empty_source_gets_the_hours_that_the_others_have(site: Site) -> None:
    (site.folder / "silent").mkdir()
    silent = '[[source]]\nname = "silent"\nuri = "silent"\nlayout = "%Y-%m-%d/%H/"\n'
    (site.folder / "llmops.toml").write_text(SETTINGS + silent, encoding="utf-8")
    site.definitions = defs()
    site.put("2026-11-03T10", "a.ndjson", "a")
    assert site.tick("silent_arrivals") == []
    site.settle()
    (request,) = site.tick("silent_arrivals")
    assert _windows([request]) == [("2026-11-03-10:00", "2026-11-03-11:00")]
    site.run(request)
    assert site.tick("silent_arrivals") == []


def _report(site: Site, day: str) -> str:
    return (Settings.load().home / "reports" / "cost_optimization" / f"{day}.json").read_text(encoding="utf-8")


def test_a_kill_between_the_rows_and_dagsters_log_loses_nothing(site: Site) -> None:
    """Rows and what they touch are one commit: the run's own end does not matter."""
    site.put("2026-11-03T10", "a.ndjson", "a")
    (request,) = site.tick("calls_arrivals")
    with dg.DagsterInstance.ephemeral() as other:  # this instance never hears of the run
        site.definitions.resolve_job_def("ingest_calls").execute_in_process(instance=other, tags=dict(request.tags))
    assert site.tick("calls_arrivals") == []
    assert _windows(site.tick("due_hours")) == [("2026-11-03-10:00", "2026-11-03-10:00")]


def test_two_thousand_due_hours_are_worked_off_newest_first_behind_the_present(site: Site) -> None:
    site.put("2026-11-03T10", "a.ndjson", "a")
    site.settle()
    old = [datetime(2026, 8, 5, tzinfo=UTC) + number * HOUR for number in range(2000)]
    lake = site.lake
    fresh = datetime(2026, 11, 3, 9, tzinfo=UTC)
    lake.commit_files(
        RAW,
        None,
        [file for file in lake.files_in(f"{_location(lake)}/data")],
        properties=summary("calls", [*old, fresh]),
    )
    first, second = site.tick("due_hours")
    assert _windows([first]) == [("2026-11-03-09:00", "2026-11-03-09:00")]
    assert _windows([second]) == [("2026-10-20-08:00", "2026-10-27-07:00")], "the newest 168 of the backlog"
    assert (first.tags.get("llmops/backlog"), second.tags["llmops/backlog"]) == (None, "true")
    job = site.definitions.resolve_job_def("build_hours")
    site.instance.create_run_for_job(job, tags=dict(second.tags), status=dg.DagsterRunStatus.STARTED)
    assert _windows(site.tick("due_hours")) == _windows([first]), "one piece of the backlog at a time"


def _location(lake: Lake) -> str:
    return str(lake.catalog.load_table((lake.namespace, RAW)).location()).removeprefix("file://")


def test_hours_before_start_are_left_alone(site: Site) -> None:
    site.put("2026-07-30T10", "old.ndjson", "a")
    requests = site.tick("calls_arrivals")
    assert all(first >= "2026-08-01-00:00" for first, _ in _windows(requests))


def test_the_quality_table_is_made_when_something_changed(site: Site) -> None:
    assert site.look("due_quality").skip_reason == dg.SkipReason("nothing has changed")
    site.put("2026-11-03T10", "a.ndjson", "a")
    site.settle()
    (request,) = site.tick("due_quality")
    assert site.run(request, job="judge_windows").success
    assert site.tick("due_quality") == []


def test_switched_off_nothing_starts_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "llmops.toml").write_text(SETTINGS + "enabled = false\n", encoding="utf-8")
    monkeypatch.setenv("LLMOPS_CONFIG", str(tmp_path / "llmops.toml"))
    repository = defs().get_repository_def()
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}
    assert {one.default_status for one in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}
