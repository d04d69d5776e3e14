"""Parquet: every row as a JSON object whose values are strings, so that decoders see one kind of input.

Numbers are quoted because a bare JSON number passes through a double in DuckDB; nested values stay nested.
A file is spooled to disk beyond some size and read by row groups, so that memory is bounded.
"""

import base64
from collections.abc import Iterator
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llmops_assets.sources.errors import CorruptStream
from llmops_assets.sources.rows import Row, batch_of, batches_of, record

MAGIC = b"PAR1"
_SPOOL_BYTES = 32 * 2**20
_ROWS = 8_192


def read_parquet(chunks: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """One record per row, numbered from 1. A NULL field is omitted.

    What follows a damaged page or a missing footer is one reject, `malformed_json`.
    """
    with SpooledTemporaryFile(_SPOOL_BYTES) as file:
        digest, size, is_whole = sha256(), 0, True
        try:
            for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
        except CorruptStream:
            is_whole = False
        line = 1
        try:
            for batch in _batches(file):
                yield from batches_of(record(line + at, text) for at, text in enumerate(_objects(batch)))
                line += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = "malformed_json" if is_whole else "decompression_error"
            yield batch_of([Row(line, None, None, size, reason, digest.hexdigest())])


def _batches(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    file.seek(0)
    yield from pq.ParquetFile(file).iter_batches(batch_size=_ROWS, use_threads=False)


def _objects(batch: pa.RecordBatch) -> list[str]:
    fields = dict(zip(batch.schema.names, batch.columns, strict=True))
    return _object_texts(fields, batch.num_rows)


def _object_texts(fields: dict[str, pa.Array], rows: int) -> list[str]:
    """JSON objects, row by row, from columns; NULL members are left out."""
    columns = [(quoted(name), json_texts(column)) for name, column in fields.items()]
    return [
        "{" + ",".join(f"{name}:{texts[at]}" for name, texts in columns if texts[at] is not None) + "}"
        for at in range(rows)
    ]


def json_texts(values: pa.Array) -> list[str | None]:
    """Each value as JSON: structs and maps as objects, lists as arrays, anything else as a string."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return json_texts(values.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return json_texts(values.storage)
    if pa.types.is_struct(kind):
        members = {kind.field(at).name: pc.struct_field(values, at) for at in range(kind.num_fields)}
        return _masked(values, _object_texts(members, len(values)))
    if pa.types.is_map(kind):
        return _map_texts(values)
    if _is_list(kind):
        return _list_texts(values)
    return [None if text is None else quoted(text) for text in _scalar_texts(values)]


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _list_texts(values: pa.Array) -> list[str | None]:
    texts = iter(json_texts(values.flatten()))
    counts = pc.list_value_length(values).to_pylist()
    return [
        None if count is None else "[" + ",".join(next(texts) or "null" for _ in range(count)) + "]" for count in counts
    ]


def _map_texts(values: pa.Array) -> list[str | None]:
    entries = values.cast(pa.list_(pa.struct([("key", values.type.key_type), ("value", values.type.item_type)])))
    flat = entries.flatten()
    keys, items = _scalar_texts(pc.struct_field(flat, 0)), json_texts(pc.struct_field(flat, 1))
    pairs = iter([f"{quoted(key or '')}:{item or 'null'}" for key, item in zip(keys, items, strict=True)])
    counts = pc.list_value_length(entries).to_pylist()
    return [None if count is None else "{" + ",".join(next(pairs) for _ in range(count)) + "}" for count in counts]


def _masked(values: pa.Array, texts: list[str]) -> list[str | None]:
    valid = values.is_valid().to_pylist()
    return [text if is_valid else None for text, is_valid in zip(texts, valid, strict=True)]


def _scalar_texts(values: pa.Array) -> list[str | None]:
    """Each value as plain text: decimals exact, times ISO 8601, bytes as UTF-8 or else base64."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        return _timestamp_texts(values)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if value is None else _from_bytes(value) for value in values.to_pylist()]
    if pa.types.is_duration(kind):
        values = values.cast(pa.int64())
    if pa.types.is_float16(kind):
        values = values.cast(pa.float32())
    texts: list[str | None] = values.cast(pa.string()).to_pylist()
    return texts


def _timestamp_texts(values: pa.Array) -> list[str | None]:
    """ISO in UTC with Z; a time without a zone gets none, so that the decoder can flag it."""
    zone = "Z" if values.type.tz is not None else ""
    utc = values.view(pa.timestamp(values.type.unit))
    texts: list[str | None] = pc.strftime(utc, format=f"%Y-%m-%dT%H:%M:%S{zone}").to_pylist()
    return texts


def _from_bytes(value: Any) -> str:
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()
