"""Decoding batches of records into files of the raw table, several batches at a time.

One query cannot use all cores here, because DuckDB scans an Arrow table with one thread. So every core has
a batch and a query of its own: a million records take 8.3 s on 2 cores that way, 15.4 s with one query on
two threads and 10.9 s with two queries on two threads each. Memory is bounded by the batches at work, one
more than there are cores.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import duckdb
import pyarrow as pa

from llmops_assets import formats
from llmops_assets.duck import another
from llmops_assets.lake.relations import Written
from llmops_assets.sources import Batch

Write = Callable[[duckdb.DuckDBPyConnection, str], Written]


class ConservationError(Exception):
    """Rows written differ from records read: nothing was committed."""


@dataclass
class Decoded:
    """Files that belong to no snapshot yet, and what each object cost."""

    files: list[str] = field(default_factory=list)
    durations_ms: dict[int, float] = field(default_factory=dict)
    bytes: int = 0

    def add(self, batch: Batch, written: Written, milliseconds: float) -> None:
        """Enter one batch; its objects share its time by their bytes."""
        self.files += written.files
        for read in batch.objects:
            known = self.durations_ms.get(read.object_id, 0.0)
            self.durations_ms[read.object_id] = known + milliseconds * read.share
            self.bytes += read.bytes


class Decoder:
    """Writes batches through connections to one database, in which `formats.prepare` was called."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, objects: pa.Table, write: Write, *, workers: int, keep_bytes: bool
    ) -> None:
        self.connection, self.objects, self.write = connection, objects, write
        self.workers, self.keep_bytes = workers, keep_bytes

    def decode(self, batches: Iterator[Batch], progress: Callable[[Decoded], None]) -> Decoded:
        """Write all batches; `progress` is called after each.

        Raises:
            ConservationError: the decoder wrote another number of rows than the splitter read.
        """
        decoded = Decoded()
        pending: deque[tuple[Batch, Future[tuple[Written, float]]]] = deque()
        with self._one_thread_a_query(), ThreadPoolExecutor(self.workers, thread_name_prefix="decode") as pool:
            for batch in batches:
                pending.append((batch, pool.submit(self._timed, batch)))
                if len(pending) > self.workers:
                    self._finish(pending, decoded, progress)
            while pending:
                self._finish(pending, decoded, progress)
        return decoded

    @contextmanager
    def _one_thread_a_query(self) -> Iterator[None]:
        self.connection.execute("set threads = 1")
        try:
            yield
        finally:
            self.connection.execute(f"set threads = {self.workers}")

    def _finish(
        self,
        pending: deque[tuple[Batch, Future[tuple[Written, float]]]],
        decoded: Decoded,
        progress: Callable[[Decoded], None],
    ) -> None:
        batch, future = pending.popleft()
        decoded.add(batch, *future.result())
        progress(decoded)

    def _timed(self, batch: Batch) -> tuple[Written, float]:
        began = monotonic()
        return self._decode(batch.lines), (monotonic() - began) * 1000

    def _decode(self, lines: pa.Table) -> Written:
        with self._cursor(lines) as cursor:
            query = formats.decoding(cursor, "lines", "objects", keep_bytes=self.keep_bytes)
            records = formats.records_in(cursor)
            written = self.write(cursor, f"({query})")
        if written.rows != records:
            raise ConservationError(
                f"{records} records were read but {written.rows} rows decoded; nothing was committed. "
                "This is a defect of a format: please report it with the file"
            )
        return written

    @contextmanager
    def _cursor(self, lines: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
        with another(self.connection) as cursor:
            cursor.register("lines", lines)
            cursor.register("objects", self.objects)
            yield cursor
