"""Decompression by magic bytes, as a stream of bounded chunks.

A file's name does not matter. What was decoded before a stream broke is given out first; then
`CorruptStream` says that something is missing. A stream that grows beyond all measure is broken off.
"""

import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from llmops_assets.sources.errors import CorruptStream

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
OUTPUT_BYTES = 4 * 2**20
# What a decoder had decoded of the slice it failed in is lost, so slices are small. It also bounds what a
# zstd stream can blow up to at once: 128 KiB for each 4 bytes.
GZIP_SLICE, ZSTD_SLICE = 64 * 2**10, 4 * 2**10
MAX_RATIO = 250
# Up to here the ratio means nothing: a small file of one repeated line is no bomb.
HARMLESS_BYTES = 64 * 2**20


def decompressed(chunks: Iterator[bytes], max_ratio: int = MAX_RATIO) -> Iterator[bytes]:
    """The content of an object; plain objects pass through.

    Raises:
        CorruptStream: a gzip or zstd stream is truncated, damaged, or more than `max_ratio` times its size.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(ZSTD):
            break
    whole = chain([head], chunks) if head else chunks
    growth = _Growth(max_ratio)
    if head.startswith(GZIP):
        return _rechunked(growth.checked(_members(growth.counted(whole), _Gzip, GZIP_SLICE)))
    if head.startswith(ZSTD):
        return _rechunked(growth.checked(_members(growth.counted(whole), _Zstd, ZSTD_SLICE)))
    return whole


class _Growth:
    """How much longer a stream becomes by being decompressed."""

    def __init__(self, max_ratio: int) -> None:
        self._max_ratio = max_ratio
        self._taken = self._given = 0

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same compressed chunks, counted."""
        for chunk in chunks:
            self._taken += len(chunk)
            yield chunk

    def checked(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """The same decompressed parts, as long as there are not too many."""
        for part in parts:
            self._given += len(part)
            if self._given > max(HARMLESS_BYTES, self._max_ratio * self._taken):
                raise CorruptStream(f"the stream is more than {self._max_ratio} times its compressed size")
            yield part


class _Gzip:
    """One gzip member."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def rest(self) -> bytes | None:
        """What follows the member, once it has ended."""
        return self._inner.unused_data if self._inner.eof else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode a slice."""
        while data:
            before = self._inner.copy()
            try:
                part = self._inner.decompress(data, OUTPUT_BYTES)
            except zlib.error as error:
                yield from _salvaged(before, data)
                raise CorruptStream(str(error)) from error
            yield part
            data = self._inner.unconsumed_tail


def _salvaged(inner: Any, data: bytes) -> Iterator[bytes]:
    """What comes out of a damaged slice before the damage: byte by byte."""
    try:
        for at in range(len(data)):
            yield inner.decompress(data[at : at + 1])
    except zlib.error:
        return


class _Zstd:
    """One zstd frame."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._inner: Any = zstandard.ZstdDecompressor().decompressobj()

    @property
    def rest(self) -> bytes | None:
        """What follows the frame, once it has ended."""
        return self._inner.unused_data if self._inner.eof else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode a slice."""
        try:
            yield self._inner.decompress(data)
        except self._error as error:
            raise CorruptStream(str(error)) from error


def _members(chunks: Iterator[bytes], member: Callable[[], _Gzip | _Zstd], slice_bytes: int) -> Iterator[bytes]:
    """The members of a stream, one after another. Zero padding behind a member is allowed, as in gzip(1)."""
    current: _Gzip | _Zstd | None = None
    pending = b""
    for data in _slices(chunks, slice_bytes):
        pending += data
        while pending:
            if current is None:
                pending = pending.lstrip(b"\0")
                if not pending:
                    break
                current = member()
            yield from current.feed(pending)
            pending = current.rest or b""
            current = None if current.rest is not None else current
    if current is not None:
        raise CorruptStream("the compressed stream ends too early")


def _slices(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        for at in range(0, len(chunk), size):
            yield chunk[at : at + size]


def _rechunked(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of about `OUTPUT_BYTES`; what is held is given out before an error."""
    held: list[bytes] = []
    size = 0
    try:
        for part in parts:
            held.append(part)
            size += len(part)
            if size >= OUTPUT_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except CorruptStream:
        if size:
            yield b"".join(held)
        raise
    if size:
        yield b"".join(held)
