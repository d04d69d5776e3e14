"""Several processes on one lake: all of different windows land, of one window exactly one stays."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.duck import connect
from llmops_assets.lake import Column, Lake, TableSpec
from llmops_assets.settings import CatalogSettings
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration

PROCESSES = 8
ROUNDS = 5
START = datetime(2026, 11, 1, tzinfo=UTC)
CALLS = TableSpec(
    "calls", (Column("called_at", "timestamptz"), Column("writer", "bigint")), "called_at", ("hour(called_at)",)
)


def _rows(hour: int, writer: int) -> str:
    return f"(select timestamptz '{(START + hour * HOUR).isoformat()}' as called_at, {writer} as writer from range(10))"


def _write(home: Path, hour: int, writer: int) -> None:
    lake = Lake.open(CatalogSettings().resolved(home))
    lake.ensure(CALLS)
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    with connect() as connection:
        for _ in range(ROUNDS):
            lake.replace("calls", window, connection, _rows(hour, writer))


def _write_and_die(home: Path) -> None:
    lake = Lake.open(CatalogSettings().resolved(home))
    with connect() as connection:
        lake.write("calls", connection, _rows(0, 99))
    os.kill(os.getpid(), signal.SIGKILL)


def _in_processes(home: Path, jobs: list[tuple[int, int]]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        for done in [pool.submit(_write, home, hour, writer) for hour, writer in jobs]:
            done.result()


def _writers(lake: Lake) -> list[tuple[datetime, int, int]]:
    with lake.reader(["calls"]) as connection:
        return connection.execute(
            "select called_at, min(writer), count(*) from lake.calls group by called_at having "
            "count(distinct writer) = 1 order by 1"
        ).fetchall()


def test_eight_processes_on_different_windows_all_land(tmp_path: Path) -> None:
    _in_processes(tmp_path, [(number, number) for number in range(PROCESSES)])
    lake = Lake.open(CatalogSettings().resolved(tmp_path))
    assert [(writer, rows) for _, writer, rows in _writers(lake)] == [(number, 10) for number in range(PROCESSES)]
    assert len(lake.snapshots("calls")) == PROCESSES * ROUNDS


def test_eight_processes_on_one_window_leave_one_winner_s_rows(tmp_path: Path) -> None:
    _in_processes(tmp_path, [(0, number) for number in range(PROCESSES)])
    ((_, writer, rows),) = _writers(Lake.open(CatalogSettings().resolved(tmp_path)))
    assert writer in range(PROCESSES)
    assert rows == 10


def test_a_process_killed_before_its_commit_leaves_nothing_visible_and_its_files_expire(tmp_path: Path) -> None:
    lake = Lake.open(CatalogSettings().resolved(tmp_path))
    _write(tmp_path, 0, 1)
    process = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [(writer, rows) for _, writer, rows in _writers(lake)] == [(1, 10)]
    before = set(tmp_path.rglob("*.parquet"))
    lake.expire(datetime.now(UTC), orphan_age=timedelta(0))
    remaining = set(tmp_path.rglob("*.parquet"))
    assert len(before) == ROUNDS + 1
    assert len(remaining) == 1
    assert [(writer, rows) for _, writer, rows in _writers(lake)] == [(1, 10)]
