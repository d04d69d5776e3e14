"""The things that pass between listing, reading and ingest: one object, one batch of its records.

Belongs here: plain data and the schema of lines. How it comes about belongs to the other modules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

LINES_SCHEMA = pa.schema(
    [
        ("object_id", pa.int32()),
        ("line", pa.int64()),
        ("record_index", pa.int64()),
        ("text", pa.string()),
        ("bytes", pa.int64()),
        ("reject_reason", pa.string()),
        ("sha256", pa.string()),
        # Only of sources whose records have each their own: NULL is the object's.
        ("arrived_at", pa.timestamp("us", "UTC")),
        ("record_key", pa.string()),
        ("record_headers", pa.map_(pa.string(), pa.string())),
    ]
)
OF_RECORDS = ("arrived_at", "record_key", "record_headers")
"""What a file does not say of its records."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as a store lists it."""

    key: str
    version: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One version of one object. `uri` holds the key verbatim, never escaped."""

    uri: str
    key: str
    version: str
    size: int
    last_modified: datetime
    arrival_hour: datetime


@dataclass(frozen=True)
class ObjectRead:
    """What a batch took from one object: stored bytes, and its share of the batch's record bytes."""

    object_id: int
    bytes: int
    share: float


@dataclass(frozen=True)
class Batch:
    """Some records, in the order of the objects and of their positions (columns: `LINES_SCHEMA`)."""

    lines: pa.Table
    objects: list[ObjectRead]


class Store(Protocol):
    """A folder or a bucket. Prefixes are relative to `root`: empty, or ending in a slash."""

    source: str
    root: str
    concurrency: int

    def uri(self, key: str) -> str:
        """The full uri of `key`, unescaped."""
        ...

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """The folders (as prefixes) and objects right below `prefix`."""
        ...

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every object below `prefix`, at any depth."""
        ...

    def look(self, key: str) -> Entry | None:
        """One object as it is now, or None if there is none. Raises `ObjectUnreadable`."""
        ...

    def fetch(self, ref: ObjectRef) -> bytes:
        """The whole of a small object."""
        ...

    def stream(self, ref: ObjectRef) -> Iterator[bytes]:
        """The bytes of an object, in order; any chunk may be of any size but none is empty."""
        ...


Refs = Sequence[ObjectRef]
