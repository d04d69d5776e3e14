"""The report of one day made by the SQL of the dbt models themselves, from calls written by hand.

The models are compiled once, for DAY; every report is made in a DuckDB of its own. The price book holds a few
made-up models with round prices.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llmops_assets.duck import connect
from llmops_assets.prices import METERS
from llmops_assets.reports.classes import ModelClass, as_table
from llmops_assets.reports.content import Report, report_of
from llmops_assets.reports.figures import FIGURES
from llmops_assets.reports.queries import of_day
from llmops_assets.warehouse import dbt
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.publish import lake_spec

DAY = date(2026, 11, 10)
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
ALL_COMPLETE = (DAY, DAY - timedelta(days=1), DAY - timedelta(days=7))

Call = Mapping[str, Any]

# USD per token. `big` has a batch price; `stepped` is charged by its input's size, `nightly` by the time of day.
BOOK = """
big      |           |       |       |     0 |        | 0.00001  | 0.000001  | 0.00003
big      | batch     |       |       |     0 |        | 0.000005 | 0.0000005 | 0.000015
small    |           |       |       |     0 |        | 0.000001 | 0.000001  | 0.000003
stepped  |           |       |       |     0 |   1001 | 0.000001 | 0.000001  | 0.000003
stepped  |           |       |       |  1001 |        | 0.000004 | 0.000004  | 0.000006
nightly  |           |       | 12:00 |     0 |        | 0.000002 | 0.000002  | 0.000002
nightly  |           | 12:00 |       |     0 |        | 0.000008 | 0.000008  | 0.000008
"""


def model_class(model: str, **facts: Any) -> ModelClass:
    """A model of provider `p` in the class that all of them share."""
    given = {"provider": "p", "model": model, "class": "chat", "takes": "text", "makes": "text", "tools": "yes"}
    given |= {"context_window": 1_000_000, "retires_on": "", "reviewed_on": "2026-11-01", "source": "made up"}
    return ModelClass.model_validate(given | facts)


CLASSES = tuple(model_class(model) for model in ("big", "small", "stepped", "nightly"))


@cache
def compiled() -> dict[str, str]:
    """SQL of every report model for DAY, in the order in which they run."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with connect(place / dbt.SCRATCH_FILE) as connection:
            _mount(connection, [], (), (), 1)
        project = DbtProject.located(place)
        end = DAY + timedelta(days=1)
        window = ["--event-time-start", f"{DAY} 00:00:00", "--event-time-end", f"{end} 00:00:00"]
        result = dbt.invoke(
            project,
            ["run", "--select", "tag:report", *window, "--threads", "1"],
            scratch=place,
            target=place / "target",
            variables={"LLMOPS_STAGING": ""},
            manifest=project.load(),
        )
        assert all(one.status == "success" for one in result.results), result.results
        return {one.node.name: one.node.compiled_code for one in result.results}


def made(
    calls: Sequence[Call],
    *,
    complete: Iterable[date] = ALL_COMPLETE,
    classes: Iterable[ModelClass] = CLASSES,
    min_requests: int = 1,
) -> duckdb.DuckDBPyConnection:
    """A database with the tables `report_*` of DAY."""
    connection = connect()
    connection.execute("attach ':memory:' as scratch; use scratch")
    _mount(connection, calls, complete, classes, min_requests)
    for name, sql in compiled().items():
        connection.execute(f"create table {name} as {sql}")
    return connection


def report(calls: Sequence[Call], **settings: Any) -> Report:
    """The report of DAY."""
    with made(calls, **settings) as connection:
        return report_of(connection, DAY)


def figure(calls: Sequence[Call], *keys: str, **settings: Any) -> Any:
    """The values of figures, of one alone if one is asked for."""
    queries = {one.key: of_day(one.sql, DAY) for one in FIGURES}
    with made(calls, **settings) as connection:
        values = tuple(rows(connection, queries[key])[0][0] for key in keys)
    return values if len(values) > 1 else values[0]


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return connection.execute(query).fetchall()


def usd(text: str) -> Decimal:
    """An amount as money is kept."""
    return Decimal(text).quantize(Decimal("1e-12"))


@cache
def _request_types() -> dict[str, pa.DataType]:
    with tempfile.TemporaryDirectory() as folder:
        spec = lake_spec(DbtProject.located(Path(folder)).manifest["nodes"]["model.llmops.llm_requests"])
    with connect() as connection:
        columns = ", ".join(f'cast(null as {column.type}) as "{column.name}"' for column in spec.columns)
        schema = connection.execute(f"select {columns}").to_arrow_table().schema
    return {field.name: field.type for field in schema}


def _mount(
    connection: duckdb.DuckDBPyConnection,
    calls: Sequence[Call],
    complete: Iterable[date],
    classes: Iterable[ModelClass],
    min_requests: int,
) -> None:
    written = [_completed(number, call) for number, call in enumerate(calls)]
    types = _request_types()
    requests = {name: pa.array([call.get(name) for call in written], kind) for name, kind in types.items()}
    tables = {
        "price_book": _book(),
        "llm_requests": pa.table(requests),
        "complete_days": pa.table({"complete_date": pa.array(list(complete), pa.date32())}),
        "model_classes": as_table(classes),
        "report_settings": pa.table({"min_requests": pa.array([min_requests], pa.int64())}),
    }
    connection.execute("create schema lake")
    for name, table in tables.items():
        connection.register("incoming", table)
        connection.execute(f"create table lake.{name} as {_TYPED_BOOK if name == 'price_book' else 'from incoming'}")
        connection.unregister("incoming")


@cache
def _book() -> pa.Table:
    """The book in its long form, one row per price."""
    found = []
    for line in BOOK.strip().splitlines():
        model, tier, daily_from, daily_to, start, end, uncached, cached, output = (
            cell.strip() or None for cell in line.split("|")
        )
        prices = dict.fromkeys(METERS, uncached) | {"cache_read": cached, "request": "0", "web_search": None}
        prices |= dict.fromkeys(("output_text", "reasoning", "audio_output"), output)
        limits = (tier, daily_from, daily_to, start, end)
        found += [("v1", "p", model, *limits, meter, price) for meter, price in prices.items()]
    names = ("price_version", "provider", "model", "service_tier", "daily_from", "daily_to", "tier_start", "tier_end")
    columns = zip((*names, "meter", "price_usd"), zip(*found, strict=True), strict=True)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns})


_TYPED_BOOK = """
select
    price_version, provider, model, service_tier, meter, 0 as match_rank,
    null::timestamptz as valid_from, null::timestamptz as valid_to, daily_from::time as daily_from,
    daily_to::time as daily_to, tier_start::bigint as tier_start, tier_end::bigint as tier_end,
    price_usd::decimal(38, 15) as price_usd
from incoming
"""


def _completed(number: int, call: Call) -> dict[str, Any]:
    """The call with what most calls have; meters follow from its tokens, and its cost from its list cost."""
    model = call.get("model", "big")
    full = {
        "event_id": f"e{number}",
        "event_time": NOON,
        "tenant_id": "a",
        "feature": "chat",
        "user_id": "u",
        "provider": "p",
        "model": model,
        "price_model": model,
        "price_version": "v1",
        "status": "success",
        "success": True,
        "finish_reason": "stop",
        "latency_ms": 100.0,
        "flags": [],
        "cost_usd": call.get("list_cost_usd"),
        **call,
    }
    taken, written, cached = (full.get(name) for name in ("tokens_input", "tokens_output", "tokens_cache_read"))
    if taken is not None and written is not None:
        meters = dict.fromkeys((f"meter_{meter}" for meter in METERS), 0)
        meters |= {"meter_input_uncached": taken - (cached or 0), "meter_cache_read": cached or 0}
        full = {"tokens_total": taken + written, **meters, "meter_output_text": written, "meter_request": 1, **full}
    return {**full, "is_unpriced": full["cost_usd"] is None}
