"""Fetching small objects of a remote store ahead of their reader, many at once and in order.

2,000 objects at 25 ms latency take 50 s one after another, and 1.5 s this way. Big objects are streamed when
their turn comes; a local store needs none of this.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from llmops_assets.sources.objects import Refs, Store

SMALL_BYTES = 2 * 2**20
AHEAD_BYTES = 32 * 2**20


class ReadAhead:
    """The content of objects, asked for in order. Use as a context, so that its threads end."""

    def __init__(self, refs: Refs, store: Store) -> None:
        self._refs, self._store = refs, store
        self._pool = ThreadPoolExecutor(store.concurrency, thread_name_prefix="fetch")
        self._futures: dict[int, Future[bytes]] = {}
        self._bytes = 0
        self._next = 0

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def chunks(self, number: int) -> Iterator[bytes]:
        """The stored bytes of object `number`; the numbers asked for may only grow."""
        if not self._is_small(number):
            yield from self._store.stream(self._refs[number])
            return
        self._next = max(self._next, number)
        self._fill()
        self._bytes -= self._refs[number].size  # also of one that fails
        data = self._futures.pop(number).result()
        if data:
            yield data

    def _is_small(self, number: int) -> bool:
        return self._store.concurrency > 1 and self._refs[number].size <= SMALL_BYTES

    def _fill(self) -> None:
        while self._next < len(self._refs) and self._has_room():
            if self._is_small(self._next):
                self._futures[self._next] = self._pool.submit(self._store.fetch, self._refs[self._next])
                self._bytes += self._refs[self._next].size
            self._next += 1

    def _has_room(self) -> bool:
        return len(self._futures) < self._store.concurrency and self._bytes < AHEAD_BYTES
