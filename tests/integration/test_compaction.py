"""Merging small files changes no row, wakes no window, and gives way to writers."""

from datetime import UTC, datetime

import pytest

from llmops_assets.duck import connect
from llmops_assets.lake import Column, Lake, TableSpec
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration

SPEC = TableSpec("calls", (Column("at", "timestamptz", ""), Column("n", "bigint", "")), "at", ("hour(at)",))
START = datetime(2026, 11, 1, tzinfo=UTC)


def _add(lake: Lake, hour: int, minute: int, n: int) -> None:
    start = START + hour * HOUR + minute * (HOUR / 60)
    with connect() as connection:
        row = f"(select timestamptz '{start.isoformat()}' as at, {n} as n)"
        lake.replace("calls", Window(start, start + HOUR / 60), connection, row)


def _rows(lake: Lake) -> list[tuple[datetime, int]]:
    with lake.reader(["calls"]) as connection:
        return connection.execute("select * from lake.calls order by all").fetchall()


def _files(lake: Lake) -> int:
    return len(list(lake.catalog.load_table((lake.namespace, "calls")).scan().plan_files()))


@pytest.fixture
def crowded(lake: Lake) -> Lake:
    """Ten files in the first hour, two in the second."""
    lake.ensure(SPEC)
    for minute in range(10):
        _add(lake, 0, minute, minute)
    for minute in range(2):
        _add(lake, 1, minute, 100 + minute)
    return lake


def test_a_crowded_hour_becomes_one_file_and_a_quiet_one_stays(crowded: Lake) -> None:
    before = _rows(crowded)
    assert _files(crowded) == 12
    assert crowded.compact(few=8) == 9
    assert _files(crowded) == 3
    assert _rows(crowded) == before
    assert len(before) == 12
    assert crowded.compact(few=8) == 0, "and then there is nothing to do"


def test_a_window_can_be_replaced_and_read_as_before(crowded: Lake) -> None:
    crowded.compact(few=8)
    _add(crowded, 0, 3, 42)
    hour = Window(START, START + HOUR)
    with crowded.reader({"calls": hour}) as connection:
        values = [n for _, n in connection.execute("select * from lake.calls order by all").fetchall()]
    assert values == [0, 1, 2, 42, 4, 5, 6, 7, 8, 9]


def test_a_writer_that_comes_between_keeps_its_rows(crowded: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmops_assets.lake import compaction

    merge = compaction._merge

    def interrupted(*arguments: object) -> list[str]:
        written = merge(*arguments)  # type: ignore[arg-type]
        _add(crowded, 0, 3, 42)
        return written

    monkeypatch.setattr(compaction, "_merge", interrupted)
    assert crowded.compact(few=8) == 0, "given up: the other writer was first"
    assert [n for _, n in _rows(crowded)] == [0, 1, 2, 42, 4, 5, 6, 7, 8, 9, 100, 101]
