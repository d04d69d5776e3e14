"""Finishing closed segments behind the requests: one thread a source, which tries again until it succeeds.

Belongs here: the order, the retries, and telling those who wait for an upload. A segment that cannot be
finished stays where it is, on the disk and locked, and is tried until the service stops; the next start goes on.
"""

import logging
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from llmops_assets.intake.counters import Counters
from llmops_assets.intake.destinations import Destination
from llmops_assets.intake.errors import Unavailable
from llmops_assets.intake.segments import Segment
from llmops_assets.sources.errors import SourceError

LONGEST_WAIT_S = 30.0
log = logging.getLogger("llmops.intake")


@dataclass
class Closed:
    """A segment that is complete, and the requests that wait until it is an object."""

    segment: Segment
    waiting: list[Future[None]] = field(default_factory=list)

    def release(self, error: Exception | None) -> None:
        """Tell those who wait."""
        for one in self.waiting:
            if error is None:
                one.set_result(None)
            else:
                one.set_exception(error)
        self.waiting = []


class Finisher:
    """The segments of one source that are to become objects."""

    def __init__(self, source: str, destination: Destination, counters: Counters) -> None:
        self.source, self.complaint = source, ""
        self._destination, self._counters = destination, counters
        self._closed: deque[Closed] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"finish-{source}", daemon=True)

    def start(self) -> None:
        """Begin; segments may have been added before."""
        self._thread.start()

    def add(self, closed: Closed) -> None:
        """Finish one more segment."""
        with self._changed:
            self._closed.append(closed)
            self._changed.notify()

    def stop(self) -> int:
        """Try each segment once more; the number of those that stay for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        left = len(self._closed)
        for closed in self._closed:
            closed.segment.close()
        return left

    @property
    def backlog_bytes(self) -> int:
        """Bytes on disk that are not objects yet, open segments apart."""
        with self._changed:
            return sum(closed.segment.size for closed in self._closed)

    def _run(self) -> None:
        wait_s = 0.5
        while (closed := self._next()) is not None:
            if self._finished(closed):
                wait_s = 0.5
                continue
            with self._changed:
                if self._stopping:
                    return
                self._changed.wait_for(lambda: self._stopping, wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _next(self) -> Closed | None:
        """The oldest segment, which stays in the queue until it is finished; None if the service stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._stopping)
            return self._closed[0] if self._closed else None

    def _finished(self, closed: Closed) -> bool:
        try:
            self._destination.finish(closed.segment)
        except (OSError, SourceError) as error:
            self._failed(error)
            return False
        with self._changed:
            self._closed.popleft()
        self.complaint = ""
        self._counters.add("objects", self.source)
        closed.release(None)
        return True

    def _failed(self, error: Exception) -> None:
        self.complaint = f"objects of {self.source} cannot be finished: {error}"
        self._counters.add("failures", self.source)
        log.error("%s; they wait on the local disk and are tried again", self.complaint)
        with self._changed:
            waiting = list(self._closed)
        for closed in waiting:
            closed.release(
                Unavailable("the events are stored here but not uploaded yet; sent again, they come twice", 10)
            )
