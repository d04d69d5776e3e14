"""Decodes records as ingest does: lines in, rows of the raw table out, by name."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from llmops_assets import formats
from llmops_assets.duck import connect
from llmops_assets.ingest.refresh import OBJECTS_SCHEMA
from llmops_assets.sources.objects import LINES_SCHEMA

Row = dict[str, Any]
ARRIVAL_HOUR = datetime(2026, 11, 20, 15, tzinfo=UTC)
ARRIVED = datetime(2026, 11, 20, 15, 40, tzinfo=UTC)
FLAT: Mapping[str, Any] = {
    "event_id": "evt-1",
    "timestamp": "2026-11-20T15:00:00Z",
    "tenant_id": "acme",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_input": 100,
    "tokens_output": 20,
    "latency_ms": 850,
    "cost_usd": "0.00045",
    "success": True,
}
"""A good record with nothing to remark on."""


class Decoder:
    """One connection, prepared as the ingest's is unless it is given."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self.connection = connection or connect()
        if connection is None:
            self.connection.execute("set threads = 1")
            formats.prepare(self.connection)

    def rows(self, *records: Any, keep_bytes: bool = False, **source: Any) -> list[Row]:
        """One row for each record, in order; text is taken as it is, all else as JSON."""
        lines = [
            line_of(number, record if isinstance(record, str) else json.dumps(record, ensure_ascii=False))
            for number, record in enumerate(records, 1)
        ]
        return self.decode(lines, keep_bytes=keep_bytes, **source)

    def row(self, record: Any, **source: Any) -> Row:
        """The row of one record."""
        (row,) = self.rows(record, **source)
        return row

    def decode(self, lines: list[Row], *, keep_bytes: bool = False, **source: Any) -> list[Row]:
        """The rows of lines as `line_of` makes them."""
        self.connection.register("lines", pa.Table.from_pylist(lines, schema=LINES_SCHEMA))
        self.connection.register("objects", pa.Table.from_pylist([OBJECT | source], schema=OBJECTS_SCHEMA))
        query = formats.decoding(self.connection, "lines", "objects", keep_bytes=keep_bytes)
        result = self.connection.execute(f"select * from ({query}) order by line, record_index nulls first")
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


OBJECT: Row = {
    "object_id": 0,
    "source": "gateway",
    "uri": "file:///records/part-0.ndjson",
    "version": "v1",
    "arrival_hour": ARRIVAL_HOUR,
    "arrived_at": ARRIVED,
    "bytes": 1,
    "configured_format": None,
    "request_id_is_unique": False,
    "source_tenant": None,
}


def line_of(number: int, text: str | None, **fields: Any) -> Row:
    """A line as the splitter delivers it."""
    size = None if text is None else len(text.encode("utf-8", "surrogatepass"))
    return {
        "object_id": 0,
        "line": number,
        "record_index": None,
        "text": text,
        "bytes": size,
        "reject_reason": None,
        "sha256": None,
    } | fields


def flat(**fields: Any) -> Row:
    """`FLAT` with other fields; a field of None is left out."""
    return {name: value for name, value in {**FLAT, **fields}.items() if value is not None}


def some(row: Row, *names: str) -> tuple[Any, ...]:
    """The values of these columns."""
    return tuple(row[name] for name in names)
