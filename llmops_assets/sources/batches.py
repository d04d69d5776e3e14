"""Batches of records from many objects, in order, with bounded memory.

Belongs here: cutting at the size of a batch, and the account of what a batch took from which object. Does
not belong here: how an object is fetched, or how its content becomes records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llmops_assets.sources.ahead import ReadAhead
from llmops_assets.sources.compression import MAX_RATIO
from llmops_assets.sources.errors import ObjectError
from llmops_assets.sources.objects import LINES_SCHEMA, OF_RECORDS, Batch, ObjectRead, Refs, Store
from llmops_assets.sources.reading import read_object

# More pieces than this are merged: a scan of many tiny pieces costs more than the copy.
MANY_PIECES = 64
# A batch of very short lines is bounded by rows, since a row costs about this much beside its text.
ROW_BYTES = 64
LEAST_ROWS = 2**16
GREATEST_BATCH_BYTES = 2**30  # text offsets are 32 bits


Failed = dict[int, ObjectError]
"""Objects that could not be read, by their index."""


def read_batches(
    refs: Refs,
    store: Store,
    *,
    batch_bytes: int,
    max_line_bytes: int,
    max_ratio: int = MAX_RATIO,
    failed: Failed | None = None,
) -> Iterator[Batch]:
    """The records of `refs`, in batches of `batch_bytes` of text, each at most one record more.

    `object_id` is an object's index in `refs`. A broken record becomes a reject and costs nothing else. An
    object without records shows in the account of the next batch, if there is one.

    An object that cannot be read is entered in `failed`, and the others are read all the same. Batches given
    out before may hold some of its records: drop them.

    Raises:
        ObjectError: an object is no longer the version in `refs`, or cannot be read, and `failed` is None.
    """
    collector = _Collector(min(batch_bytes, GREATEST_BATCH_BYTES))
    with ReadAhead(refs, store) as ahead:
        for object_id, ref in enumerate(refs):
            chunks = collector.counted(object_id, ahead.chunks(object_id))
            try:
                for piece in read_object(ref.key, chunks, max_line_bytes, max_ratio):
                    yield from collector.add(object_id, piece)
            except ObjectError as error:
                if failed is None:
                    raise
                failed[object_id] = error
    yield from collector.rest()


@dataclass
class _Account:
    """What the current batch took from one object."""

    stored_bytes: int = 0
    record_bytes: int = 0
    rows: int = 0


@dataclass
class _Collector:
    """The batch that is being filled."""

    batch_bytes: int
    pieces: list[pa.RecordBatch] = field(default_factory=list)
    text_bytes: int = 0
    rows: int = 0
    accounts: dict[int, _Account] = field(default_factory=dict)

    def counted(self, object_id: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks, with the stored bytes entered in the account."""
        self._account(object_id)
        for chunk in chunks:
            self._account(object_id).stored_bytes += len(chunk)
            yield chunk

    def add(self, object_id: int, piece: pa.RecordBatch) -> Iterator[Batch]:
        """Take in records of one object; gives out each batch that this fills."""
        while piece.num_rows:
            sizes = pc.fill_null(pc.binary_length(piece["text"]), 0).to_numpy()
            count = self._fitting(sizes)
            self._take(object_id, piece.slice(0, count), int(sizes[:count].sum()))
            piece = piece.slice(count)
            if self.text_bytes >= self.batch_bytes or self.rows >= self._greatest_rows:
                yield self._flush()

    def rest(self) -> Iterator[Batch]:
        """The last batch, if any record is left."""
        if self.rows:
            yield self._flush()

    @property
    def _greatest_rows(self) -> int:
        return max(LEAST_ROWS, self.batch_bytes // ROW_BYTES)

    def _fitting(self, sizes: np.ndarray) -> int:
        """How many rows go into this batch: up to and including the one that fills it."""
        ends = np.cumsum(sizes, dtype=np.int64)
        by_bytes = int(np.searchsorted(ends, self.batch_bytes - self.text_bytes)) + 1
        return min(by_bytes, self._greatest_rows - self.rows, len(sizes))

    def _take(self, object_id: int, piece: pa.RecordBatch, text_bytes: int) -> None:
        numbers = pa.array(np.full(piece.num_rows, object_id, np.int32))
        unsaid = [pa.nulls(piece.num_rows, LINES_SCHEMA.field(name).type) for name in OF_RECORDS]
        self.pieces.append(pa.RecordBatch.from_arrays([numbers, *piece.columns, *unsaid], schema=LINES_SCHEMA))
        self.text_bytes += text_bytes
        self.rows += piece.num_rows
        account = self._account(object_id)
        account.record_bytes += pc.sum(piece["bytes"]).as_py()
        account.rows += piece.num_rows

    def _account(self, object_id: int) -> _Account:
        return self.accounts.setdefault(object_id, _Account())

    def _flush(self) -> Batch:
        lines = pa.Table.from_batches(self.pieces, LINES_SCHEMA)
        if len(self.pieces) > MANY_PIECES:
            lines = lines.combine_chunks()
        batch = Batch(lines, self._reads())
        self.pieces, self.text_bytes, self.rows, self.accounts = [], 0, 0, {}
        return batch

    def _reads(self) -> list[ObjectRead]:
        total = sum(account.record_bytes for account in self.accounts.values())
        return [
            ObjectRead(
                object_id,
                account.stored_bytes,
                account.record_bytes / total if total else account.rows / self.rows,
            )
            for object_id, account in sorted(self.accounts.items())
        ]
