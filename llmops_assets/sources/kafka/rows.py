"""Messages as rows of records: one JSON object each in the common case, else whatever a file could hold.

Common values become columns without being looked at one by one; a value that is an array, spans lines, is
compressed or no UTF-8 goes the way of a small file. A record's line is its offset; where a value holds many, they
are numbered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from llmops_assets.sources.objects import LINES_SCHEMA
from llmops_assets.sources.reading import read_object
from llmops_assets.sources.rows import Row, reject

LAST_MILLISECOND = 253402300800000  # the year 10000, beyond which no timestamp type goes


class Envelope(NamedTuple):
    """What a message says beside its value."""

    object_id: int
    offset: int
    milliseconds: int | None
    key: str | None
    headers: list[tuple[str, str]] | None


def is_plain(value: bytes, max_bytes: int) -> bool:
    """Whether a value is one line that begins as a JSON object: what it is beyond that, the decoder finds out."""
    return value[:1] == b"{" and b"\n" not in value and len(value) <= max_bytes


def rows_of(offset: int, value: bytes, max_bytes: int) -> list[Row]:
    """The records of any value, at its offset."""
    if len(value) > max_bytes:
        return [reject(offset, value, "line_too_long")]
    rows = [Row(*row.values()) for batch in read_object("", iter([value]), max_bytes) for row in batch.to_pylist()]
    if len(rows) == 1 and rows[0].record_index is None:
        return [rows[0]._replace(line=offset)]
    return [row._replace(line=offset, record_index=index) for index, row in enumerate(rows)]


@dataclass
class Rows:
    """Rows that are being collected."""

    max_bytes: int
    size: int = 0
    plain: list[tuple[Envelope, bytes]] = field(default_factory=list)
    odd: list[tuple[Envelope, Row]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.plain) + len(self.odd)

    def add(self, envelope: Envelope, value: bytes) -> None:
        """One message with a value."""
        self.size += len(value)
        if is_plain(value, self.max_bytes):
            self.plain.append((envelope, value))
        else:
            self.odd += [(envelope, row) for row in rows_of(envelope.offset, value, self.max_bytes)]

    def refuse(self, envelope: Envelope, value: bytes, reason: str) -> None:
        """One message that cannot be decoded."""
        self.odd.append((envelope, reject(envelope.offset, value, reason)))

    def table(self) -> pa.Table:
        """All rows, as `LINES_SCHEMA`."""
        return pa.Table.from_batches(list(self._pieces()), LINES_SCHEMA)

    def _pieces(self) -> Iterator[pa.RecordBatch]:
        if self.plain:
            envelopes, values = zip(*self.plain, strict=True)
            try:
                yield _plain(envelopes, pa.array(values, pa.binary()))
            except pa.ArrowInvalid:  # some value is no UTF-8
                self.odd += [
                    (envelope, row)
                    for envelope, value in self.plain
                    for row in rows_of(envelope.offset, value, self.max_bytes)
                ]
        if self.odd:
            yield _odd(self.odd)


def _plain(envelopes: Sequence[Envelope], values: pa.BinaryArray) -> pa.RecordBatch:
    count = len(values)
    text = values.cast(pa.string())
    columns = {
        "line": pa.array([envelope.offset for envelope in envelopes], pa.int64()),
        "text": text,
        "bytes": pa.array([len(value) for value in values.to_pylist()], pa.int64()),
        **_about(envelopes),
    }
    return _batch(columns, count)


def _odd(rows: Sequence[tuple[Envelope, Row]]) -> pa.RecordBatch:
    columns = {
        name: pa.array([getattr(row, name) for _, row in rows], LINES_SCHEMA.field(name).type) for name in Row._fields
    }
    return _batch(columns | _about([envelope for envelope, _ in rows]), len(rows))


def _about(envelopes: Sequence[Envelope]) -> dict[str, pa.Array]:
    times = pa.array([envelope.milliseconds for envelope in envelopes], pa.timestamp("ms", "UTC"))
    return {
        "object_id": pa.array([envelope.object_id for envelope in envelopes], pa.int32()),
        "arrived_at": times.cast(pa.timestamp("us", "UTC")),
        "record_key": pa.array([envelope.key for envelope in envelopes], pa.string()),
        "record_headers": pa.array(
            [envelope.headers for envelope in envelopes], LINES_SCHEMA.field("record_headers").type
        ),
    }


def _batch(columns: dict[str, pa.Array], count: int) -> pa.RecordBatch:
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in LINES_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES_SCHEMA)


def envelope_of(message: Any, object_id: int, headers: frozenset[str]) -> Envelope:
    """What a message says beside its value; only headers of these names."""
    key = message.key()
    kept = _headers(message.headers(), headers) if headers else None
    text = None if key is None else bytes(key).decode("utf-8", "backslashreplace")
    return Envelope(object_id, message.offset(), _milliseconds(message.timestamp()), text, kept)


def instant(milliseconds: int | None) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(timestamp: tuple[int, int]) -> int | None:
    kind, milliseconds = timestamp
    return milliseconds if kind and 0 <= milliseconds < LAST_MILLISECOND else None


def _headers(headers: Any, wanted: frozenset[str]) -> list[tuple[str, str]] | None:
    """The last value of each wanted header."""
    found = {
        name: value.decode("utf-8", "backslashreplace")
        for name, value in headers or ()
        if name in wanted and value is not None
    }
    return sorted(found.items()) or None
