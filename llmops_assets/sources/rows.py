"""Lines as Arrow record batches, from Python rows or from whole columns.

Belongs here: how a record or a reject becomes a row of `LINES_SCHEMA` (less the object's number, which the
batches add). Does not belong here: finding the records.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa

from llmops_assets.sources.objects import LINES_SCHEMA, OF_RECORDS

ROWS_SCHEMA = pa.schema([field for field in LINES_SCHEMA if field.name not in ("object_id", *OF_RECORDS)])
PIECE_BYTES = 4 * 2**20
PIECE_ROWS = 16_384


class Row(NamedTuple):
    """One record, or one reject if `text` is None. Fields as in `ROWS_SCHEMA`."""

    line: int
    record_index: int | None
    text: str | None
    bytes: int
    reject_reason: str | None = None
    sha256: str | None = None


def record(line: int, text: str, record_index: int | None = None) -> Row:
    """A record as text."""
    return Row(line, record_index, text, len(text.encode()))


def reject(line: int, data: bytes, reason: str) -> Row:
    """What is no record: its length and hash stay, its bytes do not, since they may hold prompts."""
    return Row(line, None, None, len(data), reason, sha256(data).hexdigest())


class LongLine:
    """A line that is too long to hold: counted and hashed as it passes."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._last = b""
        self.bytes = 0

    def add(self, part: bytes | memoryview) -> None:
        """The next part of the line."""
        if len(part):
            self._hash.update(self._last)
            self._hash.update(part[:-1])
            self._last = bytes(part[-1:])
            self.bytes += len(part)

    def row(self, line: int, reason: str, ended: bool = True) -> Row:
        """The reject; the return character of a line that has ended is no part of it."""
        length = self.bytes
        if ended and self._last == b"\r":
            length -= 1
        else:
            self._hash.update(self._last)
        return Row(line, None, None, length, reason, self._hash.hexdigest())


def batch_of(rows: list[Row]) -> pa.RecordBatch:
    """Rows as one record batch."""
    columns = zip(*rows, strict=True) if rows else [[] for _ in ROWS_SCHEMA]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, ROWS_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=ROWS_SCHEMA)


def batch_of_columns(lines: Any, text: pa.StringArray, lengths: Any) -> pa.RecordBatch:
    """Good records as one record batch, from whole columns."""
    nothing = pa.nulls(len(text), pa.string())
    columns = [pa.array(lines), pa.nulls(len(text), pa.int64()), text, pa.array(lengths), nothing, nothing]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS_SCHEMA)


def batches_of(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Rows as record batches of bounded size."""
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += row.bytes if row.text is not None else 0
        if size >= PIECE_BYTES or len(held) >= PIECE_ROWS:
            yield batch_of(held)
            held, size = [], 0
    if held:
        yield batch_of(held)
