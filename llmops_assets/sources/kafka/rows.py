"""Columns of messages as rows of records: one JSON object each in the common case, else whatever a file could hold.

Common values become rows without being looked at one by one. A value that is an array, spans lines, is compressed or
no UTF-8 goes the way of a small file, which takes ten times as long. A record's line is its offset; where a value
holds many, they are numbered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from llmops_assets.sources.kafka.columns import Columns
from llmops_assets.sources.kafka.ranges import RangeRead
from llmops_assets.sources.kafka.registry import Undecodable
from llmops_assets.sources.kafka.values import records_of, texts_of
from llmops_assets.sources.objects import LINES_SCHEMA
from llmops_assets.sources.rows import Row, reject

LAST_MILLISECOND = 253402300800000  # the year 10000, beyond which no timestamp type goes
_NEWLINE, _BRACE, _ASCII_END = b"\n{\x80"
Decode = Callable[[bytes], bytes]
_Values = tuple[pa.BinaryArray, pa.BinaryArray, dict[int, str]]
"""Values as they came, as text, and by place why some are none."""


@dataclass(frozen=True)
class How:
    """What a source says of its values: the longest, the headers that are kept, and how they are decoded."""

    max_bytes: int
    headers: frozenset[str]
    decode: Decode | None


def rows_of(columns: Columns, object_id: int, read: RangeRead, how: How) -> Iterator[pa.RecordBatch]:
    """The rows of messages of one range, as `LINES_SCHEMA`; they are counted in `read`."""
    read.tombstones += len(columns.stamps_of_tombstones)
    read.records += len(columns.offsets)
    read.bytes += columns.bytes
    _times(columns.stamps_of_tombstones, read)
    times = _times(columns.stamps, read)
    if columns.offsets:
        yield from _pieces(_joined(columns), _about(columns, times, object_id), how)


def _pieces(values: pa.BinaryArray, about: pa.RecordBatch, how: How) -> Iterator[pa.RecordBatch]:
    """The plain values as one piece, the others as another."""
    content, refused = (values, {}) if how.decode is None else _decoded(values, how.decode)
    offsets, raw = _offsets(content), np.frombuffer(content.buffers()[2] or b"", np.uint8)
    is_ascii = not len(raw) or raw.max() < _ASCII_END
    plain = _plain(offsets, raw, how.max_bytes)
    if not is_ascii:
        plain &= _is_text(content)
    plain[list(refused)] = False
    if plain.all():
        yield _columns(_as_text(content, is_ascii=is_ascii), about)
        return
    if plain.any():
        kept = pa.array(plain)
        yield _columns(_as_text(content.filter(kept), is_ascii=is_ascii), about.filter(kept))
    yield from _others(np.flatnonzero(~plain), (values, content, refused), about, how)


def _others(places: Any, of: _Values, about: pa.RecordBatch, how: How) -> Iterator[pa.RecordBatch]:
    """The values at these places: those that are lines of objects as one piece, all others as another."""
    taken = pa.array(places)
    values, texts, refused = of[0].take(taken).to_pylist(), of[1].take(taken).to_pylist(), of[2]
    offsets = about["line"].take(taken).to_pylist()
    lines, rows = _Taken(), _Taken()
    for place, offset, value, text in zip(places.tolist(), offsets, values, texts, strict=True):
        reason = refused.get(place)
        if reason is not None:
            rows.add(place, [reject(offset, value, reason)])
        elif (found := texts_of(text, how.max_bytes)) is not None:
            lines.add(place, *found)
        else:
            rows.add(place, records_of(offset, text, how.max_bytes))
    if lines.found:
        yield _columns(pa.array(lines.found, pa.string()), about.take(pa.array(lines.places)), lines.numbers)
    if rows.found:
        yield _odd(rows.found, about.take(pa.array(rows.places)))


class _Taken:
    """What was found in values, of which place, and its number among those of one value."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.places: list[int] = []
        self.numbers: list[int | None] = []

    def add(self, place: int, found: Sequence[Any], is_numbered: bool = False) -> None:
        self.found += found
        self.places += [place] * len(found)
        self.numbers += range(len(found)) if is_numbered else [None] * len(found)


def _joined(columns: Columns) -> pa.BinaryArray:
    """The values, without a copy of each."""
    offsets = np.zeros(len(columns.lengths) + 1, np.int32)
    np.cumsum(columns.lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(columns.content))]
    return pa.BinaryArray.from_buffers(pa.binary(), len(columns.lengths), buffers)


def _decoded(values: pa.BinaryArray, decode: Decode) -> tuple[pa.BinaryArray, dict[int, str]]:
    """The values as text, and by place why some are none."""
    found, refused = values.to_pylist(), {}
    for place, value in enumerate(found):
        try:
            found[place] = decode(value)
        except Undecodable as error:
            refused[place] = error.reason
    return pa.array(found, pa.binary()), refused


def _plain(offsets: Any, raw: Any, max_bytes: int) -> Any:
    """Which values are one line that begins as a JSON object: what it is beyond that, the decoder finds out."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    plain = (lengths > 0) & (lengths <= max_bytes)
    plain[plain] = raw[starts[plain]] == _BRACE
    newlines = np.flatnonzero(raw == _NEWLINE)
    plain[np.searchsorted(starts, newlines, "right") - 1] = False
    return plain


def _offsets(content: pa.BinaryArray) -> Any:
    """Where each value begins, and the last ends."""
    return np.frombuffer(content.buffers()[1], np.int32)[content.offset : content.offset + len(content) + 1]


def _is_text(content: pa.BinaryArray) -> Any:
    """Which values are UTF-8."""
    try:
        content.cast(pa.string())
    except pa.ArrowInvalid:
        return np.array([_is_utf8(value) for value in content.to_pylist()])
    return np.ones(len(content), bool)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_text(content: pa.BinaryArray, *, is_ascii: bool) -> pa.StringArray:
    """The same values as text; what is ASCII needs no check of every value."""
    if not is_ascii:
        return content.cast(pa.string())
    return pa.StringArray.from_buffers(len(content), *content.buffers()[1:], offset=content.offset)


def _columns(
    text: pa.StringArray, about: pa.RecordBatch, numbers: Sequence[int | None] | None = None
) -> pa.RecordBatch:
    columns = {"text": text, "bytes": pa.array(np.diff(_offsets(text)).astype(np.int64))}
    return _batch(columns if numbers is None else columns | {"record_index": pa.array(numbers, pa.int64())}, about)


def _odd(rows: Sequence[Row], about: pa.RecordBatch) -> pa.RecordBatch:
    columns = {
        name: pa.array(column, LINES_SCHEMA.field(name).type)
        for name, column in zip(Row._fields, zip(*rows, strict=True), strict=True)
    }
    return _batch(columns, about)


def _about(columns: Columns, times: pa.Array, object_id: int) -> pa.RecordBatch:
    """What messages say beside their values."""
    count = len(columns.offsets)
    known = {
        "object_id": pa.array(np.full(count, object_id, np.int32)),
        "line": pa.array(np.array(columns.offsets, np.int64)),
        "arrived_at": times,
        "record_key": _texts(columns.keys),
        "record_headers": _headers(columns),
    }
    return pa.RecordBatch.from_pydict(known)


def _batch(columns: dict[str, pa.Array], about: pa.RecordBatch) -> pa.RecordBatch:
    known = {name: about[name] for name in about.schema.names} | columns
    arrays = [known.get(field.name, pa.nulls(len(about), field.type)) for field in LINES_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES_SCHEMA)


def _times(stamps: Sequence[int], read: RangeRead) -> pa.Array:
    """Each message's own time, if it has one that can be; the first and the last are entered in `read`."""
    at = np.array(stamps, np.int64)
    is_time = (at >= 0) & (at < LAST_MILLISECOND)
    if is_time.any():
        known = at[is_time]
        read.saw(_time(known.min()))
        read.saw(_time(known.max()))
    kind = pa.timestamp("us", "UTC")
    return pa.array(np.where(is_time, at, 0) * 1000, pa.int64(), mask=~is_time).cast(kind)


def _time(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _texts(values: Sequence[bytes | None]) -> pa.StringArray:
    """Keys, or values of headers, as text, whatever they are."""
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "backslashreplace") for value in values]
        return pa.array(decoded, pa.string())


def _headers(columns: Columns) -> pa.MapArray:
    """The wanted headers of each message; NULL where it has none of them."""
    if not columns.header_names:
        return pa.nulls(len(columns.offsets), LINES_SCHEMA.field("record_headers").type)
    counts = np.array(columns.header_counts)
    ends = pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))
    names = pa.array(columns.header_names, pa.string())
    return pa.MapArray.from_arrays(ends, names, _texts(columns.header_values), mask=pa.array(counts == 0))
