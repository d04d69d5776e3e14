"""`llmops sync` and `llmops sql` as a user runs them, on one small example."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from states import LLMOPS, differing, lake_of, state_of, sync, with_home, write_example

from llmops_assets.generator import Planted
from llmops_assets.housekeeping import keep_house
from llmops_assets.settings import Settings
from llmops_assets.touched import touches
from llmops_assets.warehouse import due_hours

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HOURS = range(9, 12)
COUNT = "select count(*) as calls, cast(sum(cost_usd) as varchar) as cost_usd from llm_requests"


class Synced(NamedTuple):
    """A lake that one undisturbed sync made."""

    config: Path
    home: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Synced:
    folder = tmp_path_factory.mktemp("sync")
    config = write_example(folder / "example", calls=900, hours=HOURS)
    environment = with_home(config, folder / "home")
    sync(environment)
    return Synced(config, folder / "home", environment)


@pytest.fixture
def copied(synced: Synced, tmp_path: Path) -> Synced:
    """The same records, times included, and a lake of their own that is still empty."""
    folder = tmp_path / "example"
    shutil.copytree(synced.config.parent, folder)
    config = folder / "llmops.toml"
    return Synced(config, tmp_path / "home", with_home(config, tmp_path / "home"))


def _llmops(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([LLMOPS, *arguments], env=environment, capture_output=True, check=False)


def _answer(environment: Mapping[str, str], query: str, *options: str) -> bytes:
    done = _llmops(environment, "sql", query, *options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_ledger_equals_what_was_planted_hour_by_hour(synced: Synced) -> None:
    planted = {
        (hour.source, hour.arrival_hour): (hour.records, hour.accepted, hour.rejected, hour.rejects)
        for hour in Planted.load(synced.config.parent).hours
        if hour.records and hour.arrival_hour.hour in HOURS
    }
    with lake_of(synced.config, synced.home).reader(["ingest_ledger"]) as connection:
        rows = connection.execute(
            "select source, arrival_hour, sum(records)::bigint, sum(accepted)::bigint, sum(rejected)::bigint, "
            "list(rejects) from lake.ingest_ledger where records > 0 group by source, arrival_hour"
        ).fetchall()
    found = {}
    for source, hour, records, accepted, rejected, rejects in rows:
        reasons: dict[str, int] = {}
        for one in rejects:
            for reason, count in one.items():
                reasons[reason] = reasons.get(reason, 0) + count
        found[source, hour.astimezone(UTC)] = (records, accepted, rejected, reasons)
    assert found == planted


def test_a_second_sync_runs_nothing_and_changes_nothing(synced: Synced) -> None:
    before = state_of(lake_of(synced.config, synced.home))
    done = _llmops(synced.environment, "sync")
    assert (done.returncode, b"0 runs, everything due is published" in done.stderr) == (0, True)
    assert not differing(before, state_of(lake_of(synced.config, synced.home)))


def test_two_syncs_at_once_do_no_harm(synced: Synced, copied: Synced) -> None:
    both = [subprocess.Popen([LLMOPS, "sync", "--quiet"], env=copied.environment) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    lake = lake_of(copied.config, copied.home)
    assert due_hours(lake) == []
    with lake.reader(["llm_requests"]) as connection:
        found = connection.execute("select count(*), sum(cost_usd) from lake.llm_requests").fetchall()
    with lake_of(synced.config, synced.home).reader(["llm_requests"]) as connection:
        assert found == connection.execute("select count(*), sum(cost_usd) from lake.llm_requests").fetchall()


def test_an_object_that_arrives_late_under_an_old_prefix_is_taken_in(copied: Synced) -> None:
    sync(copied.environment)
    lake = lake_of(copied.config, copied.home)
    before = state_of(lake)
    call = {
        "event_id": "late-1",
        "timestamp": "2026-11-01T09:30:00Z",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 10,
        "output_tokens": 5,
        "success": True,
    }
    late = copied.config.parent / "records" / "apps" / "2026-11-01" / "09" / "late.json"
    late.write_text(json.dumps(call), encoding="utf-8")
    sync(copied.environment)
    assert state_of(lake)["llm_requests"][0] == before["llm_requests"][0] + 1
    late.write_text(json.dumps(call | {"input_tokens": 20}), encoding="utf-8")
    sync(copied.environment)
    answer = json.loads(
        _answer(copied.environment, "select tokens_input from llm_requests where event_id = 'late-1'", "-f", "json")
    )
    assert answer == [{"tokens_input": 20}], "a new version of a key replaces the rows of the old one"


def test_sql_prints_the_same_rows_in_every_format(synced: Synced, tmp_path: Path) -> None:
    (as_json,) = json.loads(_answer(synced.environment, COUNT, "--format", "json"))
    assert as_json["calls"] > 100
    (as_csv,) = csv.DictReader(io.StringIO(_answer(synced.environment, COUNT, "--format", "csv").decode()))
    assert as_csv == {name: str(value) for name, value in as_json.items()}
    (as_parquet,) = pq.read_table(io.BytesIO(_answer(synced.environment, COUNT, "--format", "parquet"))).to_pylist()
    assert as_parquet == as_json
    assert str(as_json["calls"]) in _answer(synced.environment, COUNT).decode()


def test_sql_reads_as_of_a_time(synced: Synced) -> None:
    now = datetime.now(UTC).isoformat()
    assert _answer(synced.environment, COUNT, "-f", "csv", "--as-of", now) == _answer(
        synced.environment, COUNT, "-f", "csv"
    )
    done = _llmops(synced.environment, "sql", COUNT, "--as-of", "2020-01-01T00:00:00")
    assert done.returncode == 2
    assert b"nothing was committed by 2020-01-01T00:00:00+00:00" in done.stderr


def test_sql_shows_the_tables_and_refuses_to_write(synced: Synced) -> None:
    assert b"llm_operations_metrics" in _answer(synced.environment, "show tables")
    done = _llmops(synced.environment, "sql", "drop table llm_requests")
    assert (done.returncode, b"only reads" in done.stderr) == (2, True)


def test_what_is_due_outlives_the_snapshots_that_said_so(copied: Synced) -> None:
    sync(copied.environment)
    settings = Settings.load(copied.config).model_copy(update={"home": copied.home})
    lake = lake_of(copied.config, copied.home)
    before, known = state_of(lake), touches(lake)
    report = keep_house(lake, settings, datetime.now(UTC) + timedelta(days=8))
    assert report.snapshots > 0
    assert touches(lake) == known
    assert due_hours(lake) == []
    assert not differing(before, state_of(lake))
