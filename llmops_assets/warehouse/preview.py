"""A first look at what a run built: a few rows of each table, and its amounts over time.

Belongs here: choosing and fetching them from the scratch database, before it is gone. How they are shown is
`defs.materialized`. Never holds what people wrote: only columns that are named here or by the model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb

from llmops_assets.windows import DAY, HOUR, Window

ROWS = 10
DIMENSIONS, MEASURES = 4, 2
# What a reader looks for first, the most telling first.
REQUESTS = ("total_requests", "request_count", "requests", "success_count", "accepted_records")
COSTS = ("cost_usd", "total_cost_usd")
# Said by another column, or text that somebody wrote.
_HIDDEN = frozenset({"window_end", "error_message", "payload", "tags", "flags"})
_TEXTS = ("varchar", "timestamptz", "date", "boolean")
_STEPS = (HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, DAY)
_POINTS = 48


@dataclass(frozen=True)
class Look:
    """Some rows of a table's window, the greatest amount first, and sums by step of time, by name of the amount."""

    window: Window
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    step: timedelta
    series: Mapping[str, Sequence[float | None]]


def look_at(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], window: Window) -> Look:
    """A look at the table that the dbt model `node` left in the schema `main`."""
    types = {name: str(column["data_type"]) for name, column in node["columns"].items()}
    wanted = node["config"]["meta"].get("preview")
    columns = list(wanted) if wanted else chosen(types)
    greatest = [name for name in (*COSTS, *REQUESTS) if name in types][:1]
    order = "".join(f' order by "{name}" desc nulls last' for name in greatest)
    listed = ", ".join(f'"{name}"' for name in columns)
    rows = connection.execute(f'select {listed} from main."{node["name"]}"{order} limit {ROWS}').fetchall()
    step = step_of(window, DAY if types[node["config"]["meta"]["lake"]["window_column"]] == "date" else HOUR / 4)
    series = _series(connection, node, types, window, step)
    return Look(window, tuple(columns), tuple(rows), step, series)


def chosen(types: Mapping[str, str]) -> list[str]:
    """Columns that tell most about a row: its first dimensions, then calls, cost and other amounts."""
    shown = [name for name in types if name not in _HIDDEN]
    dimensions = [name for name in shown if types[name] in _TEXTS][:DIMENSIONS]
    first = [name for name in (*REQUESTS, *COSTS) if name in types]
    others = [name for name in shown if types[name] not in _TEXTS and "(varchar" not in types[name]]
    measures = list(dict.fromkeys([*first, *others]))[:MEASURES]
    return [*dimensions, *measures]


def step_of(window: Window, shortest: timedelta = HOUR / 4) -> timedelta:
    """The shortest step by which the window has few enough points to be seen at a glance."""
    length = window.end - window.start
    return next((step for step in _STEPS if step >= shortest and length / step <= _POINTS), DAY)


def _series(
    connection: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    types: Mapping[str, str],
    window: Window,
    step: timedelta,
) -> dict[str, list[float | None]]:
    """Sums of calls and of cost by step; NULL where there is no row."""
    column = node["config"]["meta"]["lake"]["window_column"]
    calls, cost = (next((name for name in names if name in types), None) for names in (REQUESTS, COSTS))
    amounts = {"calls": f'sum("{calls}")'} if calls else {"rows": "count(*)"}
    if cost:
        amounts["cost_usd"] = f'sum("{cost}")'
    seconds = int(step.total_seconds())
    rows = connection.execute(
        f'select epoch("{column}")::bigint // {seconds}, {", ".join(amounts.values())} '
        f'from main."{node["name"]}" group by 1'
    ).fetchall()
    found = {at: values for at, *values in rows}
    steps = list(_numbers(window, seconds))
    return {
        name: [_float(found[at][place]) if at in found else None for at in steps] for place, name in enumerate(amounts)
    }


def _numbers(window: Window, seconds: int) -> Iterator[int]:
    first, last = (int(at.timestamp()) // seconds for at in (window.start, window.end - timedelta(seconds=1)))
    yield from range(first, last + 1)


def _float(value: Decimal | int | float | None) -> float | None:
    return None if value is None else float(value)
