"""Prices events by the SQL of the dbt models themselves, compiled once, in a DuckDB of its own."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llmops_assets import prices
from llmops_assets.duck import connect
from llmops_assets.prices_settings import PricesSettings
from llmops_assets.tables import EVENT_COLUMNS
from llmops_assets.warehouse import dbt
from llmops_assets.warehouse.project import DbtProject

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MODELS = ("int_model_prices_matched", "int_llm_requests_metered", "int_llm_requests_listed", "int_llm_requests_priced")
GPT = {"provider": "openai", "model": "gpt-4o", "tokens_input": 1000, "tokens_output": 500}
"""A call whose price is worked out by hand in many tests."""
POSITIONS = "source varchar, uri varchar, version varchar, line bigint, record_index bigint, arrived_at timestamptz"

Event = Mapping[str, Any]


@cache
def compiled() -> dict[str, str]:
    """SQL of every pricing model by name."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        project = DbtProject.located(place)
        arguments = ["compile", "--select", " ".join(MODELS)]
        result = dbt.invoke(project, arguments, scratch=place, target=place / "target", manifest=project.load())
        return {one.node.name: one.node.compiled_code for one in result.results}


class Pricing:
    """A database with a price book, in which events are priced."""

    def __init__(self, books: Path | None = None, own: PricesSettings | None = None) -> None:
        self.connection = connect()
        self.connection.execute("attach ':memory:' as scratch; use scratch; create schema lake")
        prices.load_book(self.connection, *([books] if books else []))
        prices.add_configured(self.connection, own or PricesSettings())
        columns = ", ".join(f"{column.name} {column.type}" for column in EVENT_COLUMNS)
        self.connection.execute(
            f"create table int_llm_requests_identified ({POSITIONS}, {columns}, records bigint, model_family varchar);"
            "create view stg_llm_events as from int_llm_requests_identified;"
            "create table lake.window_prices (window_start timestamptz, price_version varchar);"
            "create table lake.source_settings (source varchar, cost varchar);"
            "insert into lake.source_settings values ('gateway', 'computed'), ('ledger', 'reported')"
        )
        self._versions: dict[datetime, str] = {}

    def use_book(self, version: str, hours: Iterable[datetime]) -> None:
        """Let `hours` be priced by that version; the others have the newest."""
        self._versions |= dict.fromkeys(hours, version)

    def price(self, events: Sequence[Event], newest: str | None = None) -> list[dict[str, Any]]:
        """The priced events, in the order given."""
        self._fill(events, newest or prices.current_version())
        self._build()
        rows = self.connection.execute("select * from int_llm_requests_priced order by line")
        names = [column[0] for column in rows.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]

    def _build(self) -> None:
        matched, *views = MODELS
        self.connection.execute(f"create or replace table {matched} as {compiled()[matched]}")
        for name in views:
            self.connection.execute(f"create view if not exists {name} as {compiled()[name]}")

    def _fill(self, events: Sequence[Event], newest: str) -> None:
        run = self.connection.execute
        run("truncate int_llm_requests_identified; truncate lake.window_prices")
        rows = [_completed(line, event) for line, event in enumerate(events)]
        types = _types(self.connection)
        columns = {name: pa.array([row.get(name) for row in rows], types[name]) for name in types}
        self.connection.register("incoming", pa.table(columns))
        run("insert into int_llm_requests_identified by name from incoming")
        self.connection.unregister("incoming")
        hours = {row["event_time"].replace(minute=0, second=0, microsecond=0) for row in rows}
        windows = [(hour, self._versions.get(hour, newest)) for hour in hours]
        self.connection.executemany("insert into lake.window_prices values (?, ?)", windows)


def _types(connection: duckdb.DuckDBPyConnection) -> dict[str, pa.DataType]:
    empty = connection.execute("select * from int_llm_requests_identified limit 0").to_arrow_table()
    return {field.name: field.type for field in empty.schema}


def _completed(line: int, event: Event) -> dict[str, Any]:
    """The event with what most events have."""
    return {
        "event_id": f"e{line}",
        "event_time": NOON,
        "source": "gateway",
        "uri": "calls.ndjson",
        "line": line,
        "arrived_at": event.get("event_time", NOON) + timedelta(minutes=1),
        "records": 1,
        "operation": "chat",
        "status": "success",
        "success": event.get("status", "success") == "success",
        "flags": [],
        **event,
    }


def usd(text: str) -> Decimal:
    """An amount as money is kept: 12 places."""
    return Decimal(text).quantize(Decimal("1e-12"))
