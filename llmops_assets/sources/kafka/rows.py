"""Messages as rows of records: one JSON object each in the common case, else whatever a file could hold.

Common values become columns without being looked at one by one: 4 µs of a core a message, fetching included, where
one by one takes 13. A value that is an array, spans lines, is compressed or no UTF-8 goes the way of a small file.
A record's line is its offset; where a value holds many, they are numbered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llmops_assets.sources.kafka.ranges import RangeRead
from llmops_assets.sources.kafka.registry import Undecodable
from llmops_assets.sources.objects import LINES_SCHEMA
from llmops_assets.sources.reading import read_object
from llmops_assets.sources.rows import Row, reject

LAST_MILLISECOND = 253402300800000  # the year 10000, beyond which no timestamp type goes
Decode = Callable[[bytes], bytes]


@dataclass(frozen=True)
class How:
    """What a source says of its values: the longest, the headers that are kept, and how they are decoded."""

    max_bytes: int
    headers: frozenset[str]
    decode: Decode | None


def rows_of(messages: Sequence[Any], object_id: int, read: RangeRead, how: How) -> Iterator[pa.RecordBatch]:
    """The rows of messages of one range, as `LINES_SCHEMA`; they are counted in `read`."""
    stamps = _milliseconds(messages)
    _saw(read, stamps)
    values = [message.value() for message in messages]
    if None in values:
        kept = [place for place, value in enumerate(values) if value is not None]
        read.tombstones += len(values) - len(kept)
        messages, values, stamps = ([column[place] for place in kept] for column in (messages, values, stamps))
    if values:
        read.records += len(values)
        read.bytes += sum(map(len, values))
        yield from _pieces(values, _about(messages, stamps, object_id, how.headers), how)


def _pieces(values: list[bytes], about: pa.RecordBatch, how: How) -> Iterator[pa.RecordBatch]:
    """The plain values as one piece, the others as another."""
    decoded, refused = (values, {}) if how.decode is None else _decoded(values, how.decode)
    content = pa.array(decoded, pa.binary())
    plain = _plain(content, how.max_bytes)
    for place in refused:
        plain[place] = False
    if plain.all():
        yield _columns(content.cast(pa.string()), about)
        return
    if plain.any():
        yield _columns(content.filter(pa.array(plain)).cast(pa.string()), about.filter(pa.array(plain)))
    places, rows = [], []
    for place in np.flatnonzero(~plain).tolist():
        offset = about["line"][place].as_py()
        reason = refused.get(place)
        found = [reject(offset, values[place], reason)] if reason else _any(offset, decoded[place], how.max_bytes)
        places += [place] * len(found)
        rows += found
    if rows:
        yield _odd(rows, about.take(pa.array(places)))


def _decoded(values: list[bytes], decode: Decode) -> tuple[list[bytes], dict[int, str]]:
    """The values as text, and by place why some are none."""
    found, refused = list(values), {}
    for place, value in enumerate(values):
        try:
            found[place] = decode(value)
        except Undecodable as error:
            refused[place] = error.reason
    return found, refused


def _plain(content: pa.BinaryArray, max_bytes: int) -> Any:
    """Which values are one line that begins as a JSON object: what it is beyond that, the decoder finds out."""
    try:
        text = content.cast(pa.string())
    except pa.ArrowInvalid:  # some value is no UTF-8
        return np.zeros(len(content), bool)
    starts = pc.starts_with(text, pattern="{")
    lines = pc.match_substring(text, pattern="\n")
    fits = pc.less_equal(pc.binary_length(content), max_bytes)
    return pc.and_(pc.and_(starts, pc.invert(lines)), fits).to_numpy(zero_copy_only=False).copy()


def _any(offset: int, value: bytes, max_bytes: int) -> list[Row]:
    """The records of any value, at its offset."""
    if len(value) > max_bytes:
        return [reject(offset, value, "line_too_long")]
    rows = [Row(*row.values()) for batch in read_object("", iter([value]), max_bytes) for row in batch.to_pylist()]
    if len(rows) == 1 and rows[0].record_index is None:
        return [rows[0]._replace(line=offset)]
    return [row._replace(line=offset, record_index=index) for index, row in enumerate(rows)]


def _columns(text: pa.StringArray, about: pa.RecordBatch) -> pa.RecordBatch:
    return _batch({"text": text, "bytes": pc.cast(pc.binary_length(text), pa.int64())}, about)


def _odd(rows: Sequence[Row], about: pa.RecordBatch) -> pa.RecordBatch:
    columns = {
        name: pa.array([getattr(row, name) for row in rows], LINES_SCHEMA.field(name).type) for name in Row._fields
    }
    return _batch(columns, about)


def _about(messages: Sequence[Any], stamps: list[int | None], object_id: int, wanted: frozenset[str]) -> pa.RecordBatch:
    """What messages say beside their values."""
    times = pa.array(stamps, pa.timestamp("ms", "UTC")).cast(pa.timestamp("us", "UTC"))
    headers = [_headers(message.headers(), wanted) for message in messages] if wanted else [None] * len(messages)
    columns = {
        "object_id": pa.array(np.full(len(messages), object_id, np.int32)),
        "line": pa.array([message.offset() for message in messages], pa.int64()),
        "arrived_at": times,
        "record_key": pa.array([_key(message.key()) for message in messages], pa.string()),
        "record_headers": pa.array(headers, LINES_SCHEMA.field("record_headers").type),
    }
    return pa.RecordBatch.from_pydict(columns)


def _batch(columns: dict[str, pa.Array], about: pa.RecordBatch) -> pa.RecordBatch:
    known = {name: about[name] for name in about.schema.names} | columns
    arrays = [known.get(field.name, pa.nulls(len(about), field.type)) for field in LINES_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES_SCHEMA)


def _milliseconds(messages: Sequence[Any]) -> list[int | None]:
    """Each message's own time, if it has one that can be."""
    stamps = [message.timestamp() for message in messages]
    return [at if kind and 0 <= at < LAST_MILLISECOND else None for kind, at in stamps]


def _saw(read: RangeRead, stamps: list[int | None]) -> None:
    known = [at for at in stamps if at is not None]
    if known:
        read.saw(datetime.fromtimestamp(min(known) / 1000, UTC))
        read.saw(datetime.fromtimestamp(max(known) / 1000, UTC))


def _key(key: Any) -> str | None:
    return None if key is None else bytes(key).decode("utf-8", "backslashreplace")


def _headers(headers: Any, wanted: frozenset[str]) -> list[tuple[str, str]] | None:
    """The last value of each wanted header."""
    found = {
        name: value.decode("utf-8", "backslashreplace")
        for name, value in headers or ()
        if name in wanted and value is not None
    }
    return sorted(found.items()) or None
