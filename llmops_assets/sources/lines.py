"""One record per line: from a stream of chunks to columns, without touching single lines.

Newlines are found by numpy and become the offsets of an Arrow array; only a chunk with something unusual in
it (text that is not UTF-8, a line too long, a line that is an array) is gone through line by line. Memory is
bounded by the longest line allowed and a chunk, whatever comes in.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llmops_assets.sources.documents import elements
from llmops_assets.sources.errors import CorruptStream
from llmops_assets.sources.rows import LongLine, Row, batch_of_columns, batches_of, record, reject

_NEWLINE, _RETURN, _SPACE, _BRACKET = b"\n\r ["
_BLANKS = " \t\r"


def read_lines(chunks: Iterator[bytes], max_line_bytes: int) -> Iterator[pa.RecordBatch]:
    """The records of newline-delimited content. A blank line is no record, but counts as a line."""
    splitter = _Splitter(max_line_bytes)
    try:
        for chunk in chunks:
            yield from splitter.feed(chunk)
    except CorruptStream:
        yield from batches_of([splitter.broken()])
    else:
        yield from splitter.finish()


class _Splitter:
    """Cuts chunks into lines; holds the unfinished last line."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._line = 1
        self._parts: list[bytes | memoryview] = []
        self._held = 0
        self._long: LongLine | None = None

    def feed(self, chunk: bytes) -> Iterator[pa.RecordBatch]:
        """The records of all lines that end in `chunk`."""
        end = chunk.rfind(b"\n") + 1
        view = memoryview(chunk)
        if not end:
            self._hold(chunk)
            return
        start = 0
        if self._long is not None:
            start = chunk.find(b"\n") + 1
            yield from self._end_long(view[: start - 1])
        if start < end:
            body = b"".join([*self._parts, view[start:end]])
            self._parts, self._held = [], 0
            yield from self._split(body)
        self._hold(chunk[end:])

    def finish(self) -> Iterator[pa.RecordBatch]:
        """The last line, which may lack its newline."""
        if self._long is not None:
            yield from self._end_long(memoryview(b""))
        elif self._held:
            yield from self._split(b"".join([*self._parts, b"\n"]))

    def broken(self) -> Row:
        """The reject for a stream that broke off in the line held."""
        held = self._long or LongLine()
        for part in self._parts:
            held.add(part)
        return held.row(self._line, "decompression_error", ended=False)

    def _hold(self, part: bytes) -> None:
        if self._long is not None:
            self._long.add(part)
        elif part:
            self._parts.append(part)
            self._held += len(part)
            if self._held > self._max + 1:  # a return character may follow a line of the greatest length
                self._long = LongLine()
                for held in self._parts:
                    self._long.add(held)
                self._parts, self._held = [], 0

    def _end_long(self, rest: memoryview) -> Iterator[pa.RecordBatch]:
        assert self._long is not None  # noqa: S101 - for the type checker
        self._long.add(rest)
        yield from batches_of([self._long.row(self._line, "line_too_long")])
        self._long = None
        self._line += 1

    def _split(self, body: bytes) -> Iterator[pa.RecordBatch]:
        """The records of `body`, which consists of whole lines."""
        raw = np.frombuffer(body, np.uint8)
        ends = np.flatnonzero(raw == _NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1))
        content, lengths = _contents(body, raw, starts, ends)
        lines = np.arange(self._line, self._line + len(ends), dtype=np.int64)
        self._line += len(ends)
        text = _as_text(content)
        first = raw[starts]
        if text is None or lengths.max() > self._max or (first == _BRACKET).any():
            yield from self._one_by_one(content, lines)
        elif (first <= _SPACE).any():
            yield from self._sparse(text, lines, lengths, first)
        else:
            yield batch_of_columns(lines, text, lengths)

    def _sparse(self, text: pa.StringArray, lines: Any, lengths: Any, first: Any) -> Iterator[pa.RecordBatch]:
        """Records among blank lines, or with blanks before them."""
        odd = np.flatnonzero(first <= _SPACE)
        trimmed = pc.ascii_trim(text.take(pa.array(odd)), _BLANKS)
        if pc.any(pc.starts_with(trimmed, "[")).as_py():
            yield from self._one_by_one(text.cast(pa.binary()), lines)
            return
        keep = np.ones(len(text), bool)
        keep[odd] = pc.not_equal(trimmed, "").to_numpy(zero_copy_only=False)
        if keep.any():
            yield batch_of_columns(lines[keep], text.filter(pa.array(keep)), lengths[keep])

    def _one_by_one(self, content: pa.BinaryArray, lines: Any) -> Iterator[pa.RecordBatch]:
        pairs = zip(content.to_pylist(), lines.tolist(), strict=True)
        yield from batches_of(row for data, line in pairs for row in self._rows(data, line))

    def _rows(self, data: bytes, line: int) -> list[Row]:
        if len(data) > self._max:
            return [reject(line, data, "line_too_long")]
        stripped = data.strip(_BLANKS.encode())
        if not stripped:
            return []
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return [reject(line, data, "bad_encoding")]
        found = elements(text) if stripped.startswith(b"[") else None
        # A broken array goes on as it stands: the decoder rejects it as malformed_json.
        return [record(line, text)] if found is None else [record(line, one, n) for n, one in enumerate(found)]


def _contents(body: bytes, raw: Any, starts: Any, ends: Any) -> tuple[pa.BinaryArray, Any]:
    """Each line without its newline and without a return character before it, and its length."""
    offsets = np.concatenate((starts, ends[-1:] + 1)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(body)]
    whole = pa.BinaryArray.from_buffers(pa.binary(), len(ends), buffers)
    returns = (raw[ends - 1] == _RETURN) & (ends > starts)
    without = pc.binary_slice(whole, 0, -1)
    if returns.any():
        without = pc.if_else(pa.array(returns), pc.binary_slice(whole, 0, -2), without)
    return without, (ends - starts - returns).astype(np.int64)


def _as_text(content: pa.BinaryArray) -> pa.StringArray | None:
    """The same values as text, or None if any is not UTF-8."""
    try:
        return content.cast(pa.string())
    except pa.ArrowInvalid:
        return None
