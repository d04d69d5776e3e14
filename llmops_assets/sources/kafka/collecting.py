"""The batch that is being filled from ranges side by side, and what it took from each.

Belongs here: when messages become rows and rows a batch, so that memory is bounded. Which messages there are is
`reading`, what they mean `rows`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from llmops_assets.sources.batches import MANY_PIECES
from llmops_assets.sources.kafka.columns import Columns
from llmops_assets.sources.kafka.ranges import RangeRead
from llmops_assets.sources.kafka.rows import How, rows_of
from llmops_assets.sources.objects import LINES_SCHEMA, Batch, ObjectRead

MOST_ROWS = 2**18
PIECE_BYTES = 8 * 2**20  # the values of a piece are joined: for a moment they are there twice


class Collector:
    """Messages by their range, of which rows are made from time to time."""

    def __init__(self, reads: Sequence[RangeRead], batch_bytes: int, how: How) -> None:
        self.reads, self.batch_bytes, self.how = reads, batch_bytes, how
        self._columns: dict[int, Columns] = {}
        self._pieces: list[pa.RecordBatch] = []
        self._bytes = self._rows = 0

    def add(self, object_id: int, messages: Sequence[Any], offsets: Sequence[int]) -> None:
        """Take in messages of one range, in their order."""
        columns = self._columns.setdefault(object_id, Columns(self.how.headers))
        before = columns.bytes
        columns.add(messages, offsets)
        self._bytes += columns.bytes - before
        self._rows += len(messages)
        if columns.bytes >= PIECE_BYTES:
            self._make_rows(object_id)

    def full(self) -> Iterator[Batch]:
        """The batch, if it is full."""
        if self._bytes >= self.batch_bytes or self._rows >= MOST_ROWS:
            yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """What is there, if any of it is a record."""
        for object_id in list(self._columns):
            self._make_rows(object_id)
        pieces, self._pieces, self._bytes, self._rows = self._pieces, [], 0, 0
        if pieces:
            lines = pa.Table.from_batches(pieces, LINES_SCHEMA)
            yield Batch(lines.combine_chunks() if len(pieces) > MANY_PIECES else lines, _shares(lines))

    def _make_rows(self, object_id: int) -> None:
        columns = self._columns.pop(object_id)
        pieces = list(rows_of(columns, object_id, self.reads[object_id], self.how))
        self._pieces += pieces
        # A value may be shorter than its text, and hold many records.
        self._bytes += sum(pc.sum(piece["bytes"]).as_py() for piece in pieces) - columns.bytes
        self._rows += sum(piece.num_rows for piece in pieces) - len(columns.offsets)


def _shares(lines: Any) -> list[ObjectRead]:
    """The batch's bytes by object."""
    sums = lines.select(["object_id", "bytes"]).group_by("object_id").aggregate([("bytes", "sum")]).to_pylist()
    total = sum(one["bytes_sum"] for one in sums)
    return [
        ObjectRead(one["object_id"], one["bytes_sum"], one["bytes_sum"] / total if total else 1 / len(sums))
        for one in sums
    ]
