"""`llmops sql`: one select over the lake's tables by their plain names, now or as of a time."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from llmops_assets.cli.console import errors, out
from llmops_assets.cli.tables import lines
from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.price_tables import PRICE_BOOK
from llmops_assets.prices.book import KNOWN_ON, KNOWN_ON_MACRO
from llmops_assets.settings import Settings
from llmops_assets.tables import QUALITY
from llmops_assets.warehouse.views import COMPLETE, READ_VIEWS, complete_view

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.RELATION}
ROWS_OF_A_TABLE = 1000
CATALOG_WORDS = {"show", "information_schema", "duckdb_tables", "duckdb_views", "duckdb_columns"}


class SqlError(Exception):
    """The query cannot be run; the message says why and what to do."""


def run(query: str, config: Path | None, style: str, as_of: datetime | None) -> None:
    """Run `query` and print its rows in `style`."""
    settings = Settings.load(config)
    lake = Lake.open(settings.lake_catalog)
    with connect(":memory:", settings.duckdb) as connection:
        show(select(lake, connection, query, as_of), style)


def select(
    lake: Lake, connection: duckdb.DuckDBPyConnection, query: str, as_of: datetime | None = None
) -> duckdb.DuckDBPyRelation:
    """The result of one reading statement over the lake's tables. Raises `SqlError`, `duckdb.Error`."""
    _only_reads(query)
    names = _mentioned(lake.tables(), query)
    if as_of is None:
        lake.mount(connection, names, schema="main")
    else:
        _mount_as_of(lake, connection, names, as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC))
    for name, definition in _views(connection, names, query).items():
        connection.execute(f"create view {name} as {definition}")
    if KNOWN_ON in _words(query):
        connection.execute(KNOWN_ON_MACRO.format(schema="main"))
    try:
        relation = connection.sql(query)
    except duckdb.CatalogException as error:
        known = ", ".join([*lake.tables(), *READ_VIEWS, f"and <table>{COMPLETE}: only complete windows of a table"])
        raise SqlError(f"{str(error).splitlines()[0]} The lake has: {known}") from None
    if relation is None:
        raise SqlError("the statement returns no rows; give one select")
    return relation


def _only_reads(query: str) -> None:
    statements = duckdb.extract_statements(query)
    if len(statements) != 1:
        raise SqlError(f"{len(statements)} statements were given; give one select")
    if statements[0].type not in READING:
        raise SqlError(
            f"{statements[0].type.name} would write; llmops sql only reads. Results can be saved with --format"
        )


def _words(query: str) -> set[str]:
    return set(re.findall(r"\w+", query.lower()))


def _mentioned(tables: list[str], query: str) -> list[str]:
    """The tables that the query may read, with the sources of views; all of them if it asks which there are."""
    words = _words(query)
    if words & CATALOG_WORDS:
        return tables
    sources = {table for name, definition in READ_VIEWS.items() if name in words for table in _words(definition)}
    sources |= {PRICE_BOOK} if KNOWN_ON in words else set()
    for table in tables:
        if f"{table}{COMPLETE}" in words:
            sources |= {table, QUALITY}
    return [table for table in tables if table in words | sources]


def _views(connection: duckdb.DuckDBPyConnection, mounted: list[str], query: str) -> dict[str, str]:
    """The views that the query names."""
    words = _words(query)
    views = {name: definition for name, definition in READ_VIEWS.items() if name in words}
    for table in mounted:
        if f"{table}{COMPLETE}" in words:
            definition = complete_view(table, connection.table(table).columns)
            views |= {f"{table}{COMPLETE}": definition} if definition else {}
    return views


def _mount_as_of(lake: Lake, connection: duckdb.DuckDBPyConnection, names: list[str], as_of: datetime) -> None:
    snapshots = {name: lake.read_as_of(name, as_of) for name in names}
    missing = [name for name, snapshot in snapshots.items() if snapshot is None]
    if missing:
        raise SqlError(f"{', '.join(missing)}: nothing was committed by {as_of.isoformat()}; try a later --as-of")
    lake.mount(connection, names, schema="main", snapshots={k: v for k, v in snapshots.items() if v is not None})


def show(relation: duckdb.DuckDBPyRelation, style: str) -> None:
    """Print rows to standard output."""
    {"table": _table, "csv": _csv, "json": _json, "parquet": _parquet}[style](relation)


def _table(relation: duckdb.DuckDBPyRelation) -> None:
    rows = relation.fetchmany(ROWS_OF_A_TABLE + 1)
    shown = [[_text(value) for value in row] for row in rows[:ROWS_OF_A_TABLE]]
    for line in lines(relation.columns, shown, out.width if out.is_terminal else None):
        out.out(line, highlight=False)
    if len(rows) > ROWS_OF_A_TABLE:
        errors.print(f"… only the first {ROWS_OF_A_TABLE} rows; use --format csv for all")


def _csv(relation: duckdb.DuckDBPyRelation) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(relation.columns)
    writer.writerows([_text(value) for value in row] for row in _rows(relation))


def _json(relation: duckdb.DuckDBPyRelation) -> None:
    sys.stdout.write("[")
    for number, row in enumerate(_rows(relation)):
        record = dict(zip(relation.columns, row, strict=True))
        sys.stdout.write((",\n " if number else "") + json.dumps(record, default=_text, ensure_ascii=False))
    sys.stdout.write("]\n")


def _parquet(relation: duckdb.DuckDBPyRelation) -> None:
    reader: pa.RecordBatchReader = relation.to_arrow_reader()
    with pq.ParquetWriter(sys.stdout.buffer, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _rows(relation: duckdb.DuckDBPyRelation) -> Iterator[tuple[Any, ...]]:
    while rows := relation.fetchmany(10_000):
        yield from rows


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)
