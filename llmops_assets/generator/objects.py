"""Objects: lines and rows as the bytes of a file, and files with the times that a store would show.

Belongs here: framing, compression and careful writing. What the lines say belongs to the shapes.
"""

import csv
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from llmops_assets.generator.planted import PlantedFile
from llmops_assets.generator.record import Fields, Record

SUFFIXES = {"plain": "", "gzip": ".gz", "zstd": ".zst"}
COMPRESSIONS = tuple(SUFFIXES)


@dataclass(slots=True)
class Entry:
    """One line and the record it shows; no record where the line is dirt."""

    line: bytes
    record: Record | None = None


@dataclass
class Draft:
    """An object to be: its name below the hour's folder, how it is framed, and what it holds."""

    name: str
    framing: str
    entries: list[Entry] = field(default_factory=list)
    arrives_after_s: int = 3605

    @property
    def is_lines(self) -> bool:
        """Whether lines can be added, good ones and bad ones."""
        return self.framing in SUFFIXES


def encode(draft: Draft) -> bytes:
    """The object's bytes; equal drafts give equal bytes."""
    if draft.framing in ("csv", "parquet"):
        rows = [entry.record.fields for entry in draft.entries if entry.record is not None]
        return _csv(rows) if draft.framing == "csv" else _parquet(rows)
    lines = [entry.line for entry in draft.entries]
    if draft.framing == "array":
        return b"[\n" + b",\n".join(lines) + b"\n]\n"
    if draft.framing == "document":
        return lines[0]
    if draft.framing == "cut gzip":
        return _cut_gzip(lines)
    return _compressed(b"".join(line + b"\n" for line in lines), draft.framing)


def _compressed(data: bytes, framing: str) -> bytes:
    if framing == "gzip":
        return gzip.compress(data, compresslevel=5, mtime=0)
    return zstandard.ZstdCompressor(level=3).compress(data) if framing == "zstd" else data


def _cut_gzip(lines: Sequence[bytes]) -> bytes:
    """A gzip that ends early: every line before the cut can be read whole, nothing after it.

    A full flush ends the readable part on a byte; four bytes of the next block's header follow.
    """
    compressor = zlib.compressobj(5, zlib.DEFLATED, 31)
    readable = compressor.compress(b"".join(line + b"\n" for line in lines)) + compressor.flush(zlib.Z_FULL_FLUSH)
    lost = compressor.compress(b"".join(reversed(lines))) + compressor.flush()
    return readable + lost[:4]


def _csv(rows: Sequence[Fields]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()})
    return text.getvalue().encode()


def _parquet(rows: Sequence[Fields]) -> bytes:
    """Timestamps become a typed column, as a stream's file sink writes them."""
    table = pa.Table.from_pylist([{**row, "timestamp": datetime.fromisoformat(str(row["timestamp"]))} for row in rows])
    place = table.schema.get_field_index("timestamp")
    table = table.set_column(place, "timestamp", table["timestamp"].cast(pa.timestamp("ms", tz="UTC")))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def write(root: Path, path: str, data: bytes, mtime: int) -> PlantedFile:
    """Put an object in its place, whole or not at all; an equal one that is there stays untouched."""
    target = root / path
    if not (_is_as_written(target, len(data), mtime) and target.read_bytes() == data):
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = root / ".unfinished"
        unfinished.write_bytes(data)
        os.utime(unfinished, (mtime, mtime))
        unfinished.replace(target)
    return PlantedFile(path, len(data), mtime, hashlib.sha256(data).hexdigest())


def _is_as_written(target: Path, size: int, mtime: int) -> bool:
    if not target.is_file():
        return False
    status = target.stat()
    return status.st_size == size and status.st_mtime_ns == mtime * 1_000_000_000


def is_intact(root: Path, file: PlantedFile) -> bool:
    """Whether the object still has the size and time it was written with."""
    return _is_as_written(root / file.path, file.size, file.mtime)
