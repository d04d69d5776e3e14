"""CSV with a header (RFC 4180): every row as a JSON object of strings.

The standard library's reader cannot tell an empty field from a quoted empty one before Python 3.12, and
gives no positions; both matter here. A value may span lines; a row's line is the one it begins on.
"""

import io
import re
from collections import deque
from collections.abc import Iterator
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

import pyarrow as pa

from llmops_assets.sources.errors import CorruptStream
from llmops_assets.sources.rows import LongLine, Row, batches_of, record, reject

# Possessive, so that a doubled quote is never taken for a closing one.
_REST_OF_QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')
_FIELD = re.compile(r'(?:"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"|(?P<bare>[^",]*+[^,]*+))(?P<end>,|\Z)')


def read_csv(chunks: Iterator[bytes], max_line_bytes: int) -> Iterator[pa.RecordBatch]:
    """One record per row below the header. An empty field is omitted, a quoted empty one is ""."""
    return batches_of(_rows(_Lines(chunks, max_line_bytes)))


def _rows(lines: "_Lines") -> Iterator[Row]:
    names: list[str] | None = None
    while (line := lines.take()) is not None:
        if isinstance(line, Row):
            yield line
        elif not line.data.strip():
            continue
        elif (whole := lines.completed(line)) is None:
            # The quote that opens here never closes: only this line is lost, the next ones are rows again.
            yield reject(line.number, line.data, "malformed_json")
        elif names is None:
            # A header that is not UTF-8 gives names that no format knows: its rows are rejected, not lost.
            names = [quoted(name or "") for name in _fields(whole.decode(errors="replace")) or [""]]
        else:
            yield _row(line.number, whole, names)


def _row(line: int, data: bytes, names: list[str]) -> Row:
    try:
        fields = _fields(data.decode())
    except UnicodeDecodeError:
        return reject(line, data, "bad_encoding")
    if fields is None or len(fields) != len(names):
        return reject(line, data, "malformed_json")
    pairs = zip(names, fields, strict=True)
    text = ",".join(f"{name}:{quoted(value)}" for name, value in pairs if value is not None)
    return record(line, f"{{{text}}}")._replace(bytes=len(data))


class _Line(NamedTuple):
    """A line without its end, and the end: inside a quoted value it is part of the value."""

    number: int
    data: bytes
    end: bytes


class _Lines:
    """The physical lines of a file, some of which may be put back. Rejects take the place of unfit ones."""

    def __init__(self, chunks: Iterator[bytes], max_line_bytes: int) -> None:
        self._source = _Raw(chunks)
        self._file = io.BufferedReader(self._source, 2**20)
        self._max = max_line_bytes
        self._number = 0
        self._back: deque[_Line | Row] = deque()

    def take(self) -> _Line | Row | None:
        """The next line without its end, or a reject, or None at the end of the file."""
        if self._back:
            return self._back.popleft()
        data = self._file.readline(self._max + 3)
        if self._source.failed and not data.endswith(b"\n") and len(data) < self._max + 3:
            self._source.failed = False
            return reject(self._number + 1, data, "decompression_error")
        if not data:
            return None
        self._number += 1
        bare = data.removesuffix(b"\n").removesuffix(b"\r")
        line = _Line(self._number, bare, data[len(bare) :])
        return line if len(line.data) <= self._max else self._too_long(data)

    def completed(self, first: _Line) -> bytes | None:
        """The row that begins with `first`; None, with what was read put back, if it has no end."""
        taken: list[_Line | Row] = []
        row = self._row(first, taken)
        if row is None or (taken and _fields(row.decode(errors="replace")) is None):
            self._back.extendleft(reversed(taken))
            return None
        return row

    def _row(self, line: _Line, taken: list[_Line | Row]) -> bytes | None:
        """The row that begins with `line`, and the lines taken for it; None if its quote never closes."""
        parts, size, is_open = [line.data], len(line.data), _is_open_after(line.data, False)
        while is_open:
            following = self.take()
            taken += [] if following is None else [following]
            if not isinstance(following, _Line) or size + len(following.data) > self._max:
                return None
            parts += [line.end, following.data]
            size += len(line.end) + len(following.data)
            line, is_open = following, _is_open_after(following.data, True)
        return b"".join(parts)

    def _too_long(self, data: bytes) -> Row:
        number, long = self._number, LongLine()
        while data and not data.endswith(b"\n"):
            long.add(data)
            data = self._file.readline(self._max)
        long.add(data.removesuffix(b"\n"))
        if data or not self._source.failed:
            return long.row(number, "line_too_long")
        self._source.failed = False
        return long.row(number, "decompression_error", ended=False)


class _Raw(io.RawIOBase):
    """Chunks as a file. A broken stream ends early and says so in `failed`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.failed = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            while not self._rest:
                self._rest = memoryview(next(self._chunks, b""))
                if not self._rest:
                    return 0
        except CorruptStream:
            self.failed = True
            return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _is_open_after(line: bytes, is_open: bool) -> bool:
    """Whether a quoted field is still open at the end of a line."""
    if not is_open and b'"' not in line:
        return False
    at = 0
    while True:
        if is_open or line[at : at + 1] == b'"':
            closing = _REST_OF_QUOTED.match(line, at + (not is_open))
            if closing is None:
                return True
            at, is_open = closing.end(), False
        at = line.find(b",", at) + 1
        if not at:
            return False


def _fields(text: str) -> list[str | None] | None:
    """The values of a row (None: empty), or None if its quotes do not match up."""
    if '"' not in text:
        return [value or None for value in text.split(",")]
    values: list[str | None] = []
    at = 0
    while (match := _FIELD.match(text, at)) is not None:
        inner, bare = match.group("quoted", "bare")
        if inner is None and bare.startswith('"'):
            return None
        values.append(inner.replace('""', '"') if inner is not None else bare or None)
        if not match.group("end"):
            return values
        at = match.end()
    return None
