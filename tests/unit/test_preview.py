"""A look at a built table: the rows and columns that tell most, and its amounts over time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from llmops_assets.duck import connect
from llmops_assets.warehouse.preview import chosen, look_at, step_of
from llmops_assets.windows import DAY, HOUR, Window

START = datetime(2026, 11, 1, 10, tzinfo=UTC)
TYPES = {
    "window_start": "timestamptz",
    "window_end": "timestamptz",
    "model": "varchar",
    "error_message": "varchar",
    "tags": "map(varchar, varchar)",
    "tokens": "bigint",
    "request_count": "bigint",
    "total_cost_usd": "decimal(38,12)",
}


def node(**meta: Any) -> dict[str, Any]:
    """The model `costs`, as the manifest has it."""
    return {
        "name": "costs",
        "columns": {name: {"data_type": kind} for name, kind in TYPES.items()},
        "config": {"meta": {"lake": {"window_column": "window_start"}, **meta}},
    }


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A scratch database in which the model has left three rows."""
    with connect() as opened:
        opened.execute(
            "create table costs as select window_start, window_start + interval 1 hour as window_end, model, "
            "'said' as error_message, map() as tags, tokens, request_count, "
            "cost::decimal(38,12) as total_cost_usd from (values "
            "('2026-11-01 10:00:00+00'::timestamptz, 'small', 10, 4, 0.25), "
            "('2026-11-01 10:00:00+00'::timestamptz, 'unpriced', 20, 1, null), "
            "('2026-11-01 12:00:00+00'::timestamptz, 'large', 30, 2, 1.50)) "
            "as t (window_start, model, tokens, request_count, cost)"
        )
        yield opened


def test_the_dearest_rows_come_first_and_unknown_costs_last(connection: duckdb.DuckDBPyConnection) -> None:
    look = look_at(connection, node(), Window(START, START + 3 * HOUR))
    assert look.columns == ("window_start", "model", "request_count", "total_cost_usd")
    assert look.rows == (
        (START + 2 * HOUR, "large", 2, Decimal("1.5")),
        (START, "small", 4, Decimal("0.25")),
        (START, "unpriced", 1, None),
    )


def test_calls_and_cost_are_summed_by_step_and_a_step_without_rows_is_unknown(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    look = look_at(connection, node(), Window(START - 21 * HOUR, START + 3 * HOUR))  # a day: by the hour
    assert look.step == HOUR
    assert look.series["calls"][21:] == [5, None, 2]
    assert look.series["cost_usd"][21:] == [0.25, None, 1.5]
    assert set(look.series["calls"][:21]) == {None}


def test_an_empty_table_has_no_rows_and_no_amounts(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("delete from costs")
    look = look_at(connection, node(), Window(START, START + HOUR))
    assert look.rows == ()
    assert look.series["calls"] == [None] * 4


def test_a_model_may_name_the_columns_of_its_preview(connection: duckdb.DuckDBPyConnection) -> None:
    look = look_at(connection, node(preview=["model", "tokens"]), Window(START, START + HOUR))
    assert look.columns == ("model", "tokens")


def test_text_that_somebody_wrote_is_never_chosen() -> None:
    assert not {"error_message", "tags"} & set(chosen(TYPES))


def test_a_date_is_never_cut_into_hours(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("alter table costs alter window_start type date")
    daily = node()
    daily["columns"]["window_start"] = {"data_type": "date"}
    look = look_at(connection, daily, Window(START.replace(hour=0), START.replace(hour=0) + 2 * DAY))
    assert look.series["calls"] == [7, None]


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (HOUR, HOUR / 4),
        (12 * HOUR, HOUR / 4),  # 48 points
        (24 * HOUR, HOUR),
        (72 * HOUR, 3 * HOUR),  # 24 points
        (168 * HOUR, 6 * HOUR),  # 28 points
        (31 * DAY, DAY),
        (400 * DAY, DAY),
    ],
)
def test_a_step_makes_a_line_of_at_most_48_points_where_it_can(length: timedelta, step: timedelta) -> None:
    assert step_of(Window(START, START + length)) == step
