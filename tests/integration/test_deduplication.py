"""One event from many records: the models' own SQL against the rule told again in plain Python.

The SQL is compiled once by dbt and run in an in-memory database, hour by hour and as one wide window. The
records crowd around the borders of hours, where a window must not see less than the whole.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deduplication_rule import MARGIN, Record, Row, Told, conflicts, conservation, events, in_order, members, told
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_assets.duck import connect
from llmops_assets.settings import ATTEMPT_REACH
from llmops_assets.tables import RAW_SPEC
from llmops_assets.warehouse import dbt
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import HOUR, Window, hour_of

pytestmark = pytest.mark.integration

SPAN = Window(datetime(2026, 11, 1, 10, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC))
BORDER = SPAN.start + HOUR
STAGING = ("stg_llm_events", "stg_reconciliation_records")
TABLES = ("int_repeated_records_classified", "int_llm_requests_deduplicated", "event_conflicts", "event_conservation")
PLACEHOLDER = Window(datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 2, 2, tzinfo=UTC))
POSITION = "source, uri, line, record_index"


def _times() -> st.SearchStrategy[datetime]:
    """Within some margins of the border of two hours, many exactly a margin or a microsecond off it apart."""
    half_margins = st.integers(-5, 5).map(lambda number: BORDER + number * MARGIN / 2)
    jitter = st.sampled_from([0, 0, 0, 1, -1]).map(lambda number: timedelta(microseconds=number))
    return st.tuples(half_margins, jitter).map(lambda parts: parts[0] + parts[1])


RECORDS = st.lists(
    st.builds(
        Record,
        event_id=st.sampled_from([f"id-{number}" for number in range(4)]),
        event_time=_times(),
        tenant_id=st.sampled_from([None, None, "acme", "globex"]),
        tokens_input=st.sampled_from([None, 10, 10, 11]),
        tokens_output=st.sampled_from([None, 5]),
        tags=st.sampled_from([None, (("a", "1"), ("b", "2")), (("b", "2"), ("a", "1"))]),
        source=st.sampled_from(["gateway", "ledger"]),
        uri=st.sampled_from(["s3://calls/one", "s3://calls/two"]),
        line=st.integers(1, 6),
        record_index=st.sampled_from([None, 0, 1]),
        arrived_at=st.sampled_from([SPAN.end, SPAN.end + HOUR]),
    ),
    min_size=24,
    max_size=60,
    unique_by=lambda record: record.position,
)


class Deduplication:
    """A database in which the models are run for any window over the same raw records."""

    def __init__(self, compiled: dict[str, str]) -> None:
        self.compiled = compiled
        self.connection = connect()
        columns = ", ".join(f"{column.name} {column.type}" for column in RAW_SPEC.columns)
        self.connection.execute(
            "set threads = 1; attach ':memory:' as scratch; use scratch; create schema lake;"
            f"create table records ({columns});"
            "create table lake.run_settings (dedupe_margin_seconds bigint, billing_time_zone varchar);"
            f"insert into lake.run_settings values ({MARGIN.total_seconds():.0f}, 'UTC');"
            "create table lake.source_settings (source varchar, reconciliation_only boolean)"
        )
        self._see(SPAN)
        for staging in STAGING:
            self.connection.execute(f"create view {staging} as {compiled[staging]}")

    def fill(self, records: Sequence[Record]) -> None:
        """Let `records`, in this physical order, be all there is."""
        types = self.connection.execute("select * from records limit 0").to_arrow_table().schema
        rows = [_raw(record) for record in records]
        columns = {name: pa.array([row[name] for row in rows], types.field(name).type) for name in rows[0]}
        self.connection.execute("truncate records")
        self.connection.register("incoming", pa.table(columns))
        self.connection.execute("insert into records by name from incoming")
        self.connection.unregister("incoming")

    def build(self, window: Window) -> dict[str, list[Row]]:
        """What a run of `window` makes of the records it mounts."""
        self._see(window)
        for table in TABLES:
            self.connection.execute(f"create or replace table {table} as {self.compiled[table]}")
        return {
            "events": self._rows(
                f"select event_id, event_time, {POSITION}, tenant_id, tokens_input, tokens_output, records, flags "
                "from int_llm_requests_deduplicated where event_time >= getvariable('window_start') "
                "and event_time < getvariable('window_end')"
            ),
            "conflicts": self._rows(
                f"select event_id, event_time, {POSITION}, "
                "predecessor_source, predecessor_uri, predecessor_line, predecessor_record_index from event_conflicts"
            ),
            "conservation": self._rows(
                "select window_start, source, accepted_records, events, exact_duplicates, conflicts "
                "from event_conservation"
            ),
        }

    def _see(self, window: Window) -> None:
        wide = window.widened(MARGIN + ATTEMPT_REACH)
        self.connection.execute(
            f"set variable window_start = timestamptz '{window.start}';"
            f"set variable window_end = timestamptz '{window.end}';"
            "create or replace view lake.raw_llm_events as select * from records "
            f"where event_time >= timestamptz '{wide.start}' and event_time < timestamptz '{wide.end}'"
        )

    def _rows(self, query: str) -> list[Row]:
        return in_order(self.connection.execute(query).fetchall())


@pytest.fixture(scope="module")
def deduplication(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deduplication]:
    """The models, compiled once; their window is then given by variables."""
    place = tmp_path_factory.mktemp("compiled")
    columns = ", ".join(f"{column.name} {column.type}" for column in RAW_SPEC.columns)
    with duckdb.connect(str(place / dbt.SCRATCH_FILE)) as connection:
        connection.execute(
            f"create schema lake; create table lake.raw_llm_events ({columns});"
            "create table lake.run_settings (dedupe_margin_seconds bigint, billing_time_zone varchar);"
            "create table lake.source_settings (source varchar, reconciliation_only boolean)"
        )
    yield Deduplication({name: _windowed(sql) for name, sql in _compiled(place).items()})


def _compiled(place: Path) -> dict[str, str]:
    project = DbtProject.located(place)
    start, end = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (PLACEHOLDER.start, PLACEHOLDER.end))
    arguments = ["run", "--select", " ".join((*STAGING, *TABLES))]
    arguments += ["--event-time-start", start, "--event-time-end", end]
    result = dbt.invoke(project, arguments, scratch=place, target=place / "target", manifest=project.load())
    return {one.node.name: one.node.compiled_code for one in result.results}


def _windowed(sql: str) -> str:
    for name, at in (("window_start", PLACEHOLDER.start), ("window_end", PLACEHOLDER.end)):
        sql = sql.replace(f"timestamptz '{at:%Y-%m-%d %H:%M:%S}+00'", f"getvariable('{name}')")
    return sql


def _raw(record: Record) -> dict[str, Any]:
    return {
        **{name: getattr(record, name) for name in Record.__dataclass_fields__},
        "version": "1",
        "arrival_hour": BORDER,
        "outcome": "accepted",
        "flags": [],
    }


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(records=RECORDS)
def test_events_are_those_of_the_rule_whether_hours_are_built_alone_or_together(
    deduplication: Deduplication, records: list[Record]
) -> None:
    deduplication.fill(records)
    expected = told(records)
    rule = {"events": events(expected), "conflicts": conflicts(expected), "conservation": conservation(expected)}
    assert deduplication.build(SPAN) == rule
    later, earlier = (deduplication.build(hour) for hour in reversed(SPAN.hours()))
    assert {table: in_order(earlier[table] + later[table]) for table in rule} == rule
    _assert_nothing_is_lost(records, rule)
    _assert_tenants_are_kept_apart(records, expected)


def _assert_nothing_is_lost(records: Sequence[Record], built: dict[str, list[Row]]) -> None:
    """Per hour of the records' own time: accepted = events + exact duplicates + conflicts."""
    accepted = Counter((hour_of(record.event_time), record.source) for record in records)
    assert {row[:2]: row[2] for row in built["conservation"]} == accepted
    assert all(count == events + same + other for _, _, count, events, same, other in built["conservation"])
    assert sum(row[3] for row in built["conservation"]) == len(built["events"])
    assert sum(row[5] for row in built["conservation"]) == len(built["conflicts"])


def _assert_tenants_are_kept_apart(records: Sequence[Record], all_told: Sequence[Told]) -> None:
    for one in all_told:
        tenants = {member.record.tenant_id for member in members(all_told, one.record)} - {None}
        assert len(tenants) <= 1
    of_no_tenant = {record.event_id for record in records if record.tenant_id is None}
    named = {(record.event_id, record.tenant_id) for record in records if record.event_id not in of_no_tenant}
    heads = {(one.record.event_id, one.record.tenant_id) for one in all_told if one.role == "head"}
    assert named <= heads
