"""The lake on its default catalog: windows replaced, mounted, tagged and forgotten."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pyiceberg.table import DataScan, FileScanTask

from llmops_assets.duck import connect
from llmops_assets.lake import Column, Lake, LakeError, StaleWindow, TableSpec
from llmops_assets.settings import CatalogSettings
from llmops_assets.windows import HOUR, Window

START = datetime(2026, 11, 1, tzinfo=UTC)
CALLS = TableSpec(
    "calls",
    (
        Column("source", "varchar"),
        Column("called_at", "timestamptz"),
        Column("number", "bigint"),
        Column("cost_usd", "decimal(38,12)"),
        Column("tags", "map(varchar,varchar)"),
        Column("flags", "varchar[]"),
    ),
    "called_at",
    ("source", "hour(called_at)"),
)
NOTES = TableSpec("notes", (Column("noted_at", "timestamptz"), Column("number", "bigint")), "noted_at")
DAYS = TableSpec("days", (Column("day", "date"), Column("number", "bigint")), "day", ("day(day)",))


def hours(first: int, count: int = 1) -> Window:
    return Window(START + first * HOUR, START + (first + count) * HOUR)


def calls(window: Window, number: int, source: str = "a") -> str:
    """A query with two rows in each hour of the window."""
    starts = ", ".join(f"timestamptz '{hour.start.isoformat()}'" for hour in window.hours())
    return (
        f"(select '{source}' as source, h + to_minutes(m) as called_at, {number} as number, 0.1 as cost_usd, "
        f"map(['k'], ['v']) as tags, ['f'] as flags from unnest([{starts}]) t(h), unnest([10, 50]) u(m))"
    )


def numbers(lake: Lake, table: str = "calls", window: Window | None = None) -> list[int]:
    with lake.reader({table: window}) as connection:
        return [n for (n,) in connection.execute(f"select number from lake.{table} order by all").fetchall()]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


def test_a_replaced_window_holds_exactly_the_new_rows(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0, 3), connection, calls(hours(0, 3), 1))
    commit = lake.replace("calls", hours(1), connection, calls(hours(1), 2))
    assert numbers(lake) == [1, 1, 1, 1, 2, 2]
    assert (commit.rows, commit.files, commit.sequence_number) == (2, 1, 2)


def test_an_empty_relation_clears_its_window(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0, 2), connection, calls(hours(0, 2), 1))
    lake.replace("calls", hours(0), connection, f"(select * from {calls(hours(0), 1)} where false)")
    assert numbers(lake, window=hours(0)) == []
    assert numbers(lake, window=hours(1)) == [1, 1]


def test_equalities_narrow_what_is_replaced(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    for source, number in (("a b", 1), ("o'b", 2)):
        rows = calls(hours(0), number).replace("'a' as source", f"'{source.replace(chr(39), chr(39) * 2)}' as source")
        lake.replace("calls", hours(0), connection, rows, where={"source": source})
    cleared = f"(select * from {calls(hours(0), 1)} where false)"
    lake.replace("calls", hours(0), connection, cleared, where={"source": "o'b"})
    assert numbers(lake) == [1, 1]


def test_a_file_that_reaches_beyond_the_window_keeps_its_other_rows(
    lake: Lake, connection: duckdb.DuckDBPyConnection
) -> None:
    lake.ensure(NOTES)
    rows = f"(select timestamptz '{START.isoformat()}' + to_hours(i) as noted_at, i as number from range(5) t(i))"
    lake.replace("notes", None, connection, rows)
    new = f"(select timestamptz '{START.isoformat()}' + to_hours(1) as noted_at, 100 as number)"
    lake.replace("notes", hours(1), connection, new)
    assert numbers(lake, "notes") == [0, 2, 3, 4, 100]


def test_a_date_column_is_a_window_of_days(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(DAYS)
    lake.replace(
        "days", None, connection, "(select date '2026-11-01' + i::integer as day, i as number from range(3) t(i))"
    )
    second = Window(START + 24 * HOUR, START + 48 * HOUR)
    lake.replace("days", second, connection, "(select date '2026-11-02' as day, 7 as number)")
    assert numbers(lake, "days") == [0, 2, 7]
    assert numbers(lake, "days", second) == [7]


def test_written_types_are_those_of_the_table_not_of_the_query(
    lake: Lake, connection: duckdb.DuckDBPyConnection
) -> None:
    lake.ensure(CALLS)
    rows = calls(hours(0), 3).replace("3 as number", "3::ubigint as number").replace("0.1 as", "0.1::double as")
    lake.replace("calls", hours(0), connection, rows)
    with lake.reader(["calls"]) as reader:
        written = reader.sql("from lake.calls")
        types = dict(zip(written.columns, map(str, written.types), strict=True))
    assert (types["number"], types["cost_usd"]) == ("BIGINT", "DECIMAL(38,12)")


def test_a_mounted_snapshot_is_undisturbed_by_later_commits(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1))
    with lake.reader(["calls"]) as reader:
        lake.replace("calls", hours(0), connection, calls(hours(0), 2))
        lake.expire(datetime.now(UTC), orphan_age=timedelta(days=1))
        assert reader.execute("select distinct number from lake.calls").fetchall() == [(1,)]
    assert numbers(lake) == [2, 2]


def test_a_change_since_the_planned_snapshot_is_refused(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1), based_on=None)
    base = lake.current_snapshot("calls")
    lake.replace("calls", hours(1), connection, calls(hours(1), 2), based_on=base)  # another window: no conflict
    lake.replace("calls", hours(0), connection, calls(hours(0), 3), based_on=base)
    with pytest.raises(StaleWindow, match="calls"):
        lake.replace("calls", hours(0), connection, calls(hours(0), 4), based_on=base)
    with pytest.raises(StaleWindow):
        lake.replace("calls", hours(0), connection, calls(hours(0), 5), based_on=None)
    assert numbers(lake, window=hours(0)) == [3, 3]


def test_properties_and_rows_are_one_commit(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1), properties={"llmops.note": "x"})
    (snapshot,) = lake.snapshots("calls")
    assert snapshot.summary["llmops.note"] == "x"
    assert snapshot.summary["added-records"] == "2"


def test_a_tag_outlives_expiry_and_never_moves(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1))
    lake.tag("calls", "close-2026-11")
    lake.replace("calls", hours(0), connection, calls(hours(0), 2))
    lake.expire(datetime.now(UTC), orphan_age=timedelta(0))
    kept = lake.read_as_of("calls", "close-2026-11")
    lake.mount(connection, ["calls"], snapshots={"calls": kept or 0})
    assert connection.execute("select distinct number from lake.calls").fetchall() == [(1,)]
    with pytest.raises(LakeError, match="tags never move"):
        lake.tag("calls", "close-2026-11")


def test_a_time_reads_what_was_current_then(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(CALLS)
    before = datetime.now(UTC) - timedelta(seconds=1)
    first = lake.replace("calls", hours(0), connection, calls(hours(0), 1))
    assert lake.read_as_of("calls", before) is None
    assert lake.read_as_of("calls", datetime.now(UTC) + HOUR) == first.snapshot_id


def test_files_written_but_never_committed_are_invisible_and_expire(
    lake: Lake, connection: duckdb.DuckDBPyConnection
) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1))
    orphan = Path(lake.write("calls", connection, calls(hours(0), 2)).files[0])
    assert numbers(lake) == [1, 1]
    lake.expire(START, orphan_age=timedelta(hours=1))
    assert orphan.exists(), "a young file may be about to be committed"
    report = lake.expire(START, orphan_age=timedelta(0))
    assert (report.files, orphan.exists()) == (1, False)
    assert numbers(lake) == [1, 1]


def test_a_new_column_is_null_in_old_rows(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(NOTES)
    lake.replace("notes", None, connection, f"(select timestamptz '{START.isoformat()}' as noted_at, 1 as number)")
    lake.ensure(TableSpec("notes", (*NOTES.columns, Column("word", "varchar")), "noted_at"))
    new = f"(select timestamptz '{START.isoformat()}' + to_hours(1) as noted_at, 2 as number, 'w' as word)"
    lake.replace("notes", hours(1), connection, new)
    with lake.reader(["notes"]) as reader:
        assert reader.execute("select number, word from lake.notes order by 1").fetchall() == [(1, None), (2, "w")]


def test_a_changed_type_is_refused_with_both_types(lake: Lake) -> None:
    lake.ensure(NOTES)
    with pytest.raises(LakeError, match=r"notes.number is bigint in the lake and varchar"):
        lake.ensure(TableSpec("notes", (Column("number", "varchar"),), None))


def test_rows_deleted_by_another_engine_are_refused_not_shown(
    lake: Lake, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.ensure(CALLS)
    lake.replace("calls", hours(0), connection, calls(hours(0), 1))
    plan = DataScan.plan_files

    def with_deletes(scan: DataScan) -> list[FileScanTask]:
        return [FileScanTask(task.file, delete_files={task.file}) for task in plan(scan)]

    monkeypatch.setattr(DataScan, "plan_files", with_deletes)
    with pytest.raises(LakeError, match=r"delete files.*rewrite_data_files"):
        lake.mount(connection, ["calls"])


def test_an_unknown_table_is_an_error_that_lists_the_known(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    lake.ensure(NOTES)
    with pytest.raises(LakeError, match=r"no table nots \(tables: notes\)"):
        lake.mount(connection, ["nots"])


def test_the_seed_s_catalog_and_namespace_are_settings(tmp_path: Path) -> None:
    properties = {"type": "sql", "uri": f"sqlite:///{tmp_path}/polaris.db", "warehouse": (tmp_path / "w").as_uri()}
    polaris = Lake.open(CatalogSettings(name="polaris", namespace="matih_analytics", properties=properties))
    polaris.ensure(TableSpec("llm_operations_metrics", NOTES.columns, "noted_at"))
    table = polaris.catalog.load_table("matih_analytics.llm_operations_metrics")
    assert table.name() == ("matih_analytics", "llm_operations_metrics")
    assert polaris.catalog.name == "polaris"
