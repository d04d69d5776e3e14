"""From many requests to few writes: a bounded queue, and one thread that stores all that has come together.

Belongs here: group commit, back-pressure, and what happens while the disk takes nothing. Requests that wait are
then told so and none of theirs is kept; what was already answered 202 stays in memory and is tried every second.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future

from llmops_assets.intake.counters import Counters
from llmops_assets.intake.errors import Refused, Unavailable
from llmops_assets.intake.lanes import Lane, Part

RETRY_S = 1.0
log = logging.getLogger("llmops.intake")


class Spool:
    """The queue before the lanes of all sources."""

    def __init__(self, lanes: Mapping[str, Lane], queue_bytes: int, counters: Counters) -> None:
        self._lanes, self._limit, self._counters = lanes, queue_bytes, counters
        self._queue: dict[str, list[Part]] = defaultdict(list)
        self._bytes = 0
        self._failing: dict[str, tuple[str, float]] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Finish what dead processes left, then take requests. Raises `OSError`."""
        for source, lane in self._lanes.items():
            if found := lane.recover():
                log.info("%d unfinished objects of %s are taken over", found, source)
            lane.finisher.start()
        self._thread.start()

    def stop(self) -> int:
        """Store and finish all there is; the number of requests and objects for which that was not possible."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        left = sum(len(parts) for parts in self._queue.values())
        for lane in self._lanes.values():
            lane.roll()
            left += lane.finisher.stop()
        return left

    def put(self, source: str, data: bytes, *, wait: bool) -> Future[None] | None:
        """Take the events of one request; with `wait`, what tells when they are durable.

        Raises:
            Refused: the queue is full (429), or nothing can be stored now (503).
        """
        done: Future[None] | None = Future() if wait else None
        if done is not None:
            done.set_running_or_notify_cancel()  # a sender that hangs up cannot cancel what is being stored
        with self._changed:
            self._check(source, len(data), wait=wait)
            self._queue[source].append(Part(data, done))
            self._bytes += len(data)
            self._changed.notify()
        return done

    def room(self) -> int:
        """Bytes that the queue can still take."""
        return self._limit - self._bytes

    @property
    def queued_bytes(self) -> int:
        """Bytes in memory that are not on the disk yet."""
        return self._bytes

    @property
    def backlog_bytes(self) -> int:
        """Bytes on disk that are to become objects."""
        return sum(lane.finisher.backlog_bytes for lane in self._lanes.values())

    @property
    def complaints(self) -> list[str]:
        """What does not work now."""
        writing = [message for message, _ in list(self._failing.values())]
        return writing + [lane.finisher.complaint for lane in self._lanes.values() if lane.finisher.complaint]

    def _check(self, source: str, size: int, *, wait: bool) -> None:
        lane = self._lanes[source]
        if self._stopping or not self._thread.is_alive():
            raise Unavailable("the service is stopping; send it again")
        if source in self._failing:
            raise Unavailable("events cannot be stored now; nothing of the request was kept, send it again later")
        if wait and lane.is_remote and lane.finisher.complaint:
            raise Unavailable("objects cannot be uploaded now; nothing of the request was kept, send it again later")
        if self._bytes and self._bytes + size > self._limit:
            raise Refused(429, "more is coming in than can be stored; send it again later", 1)

    def _run(self) -> None:
        while (groups := self._next()) is not None:
            for source, parts in groups.items():
                self._write(source, parts)
            for lane in self._lanes.values():
                lane.roll_if_due()

    def _next(self) -> dict[str, list[Part]] | None:
        """What is to be written now, by source; None when the service stops and nothing more can be done."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._ready(), self._patience())
            if self._stopping and not self._ready():
                return None
            return {source: self._queue.pop(source, []) for source in self._ready()}

    def _ready(self) -> list[str]:
        """Sources with something to write, and failing ones that are to be tried again."""
        now = time.monotonic()
        again = [source for source, (_, at) in self._failing.items() if now >= at]
        return [source for source in self._queue if source not in self._failing] + again

    def _patience(self) -> float | None:
        now = time.monotonic()
        left = [max(0.0, at - now) for _, at in self._failing.values()]
        left += [seconds for lane in self._lanes.values() if (seconds := lane.seconds_left()) is not None]
        return min(left, default=None)

    def _write(self, source: str, parts: list[Part]) -> None:
        try:
            self._lanes[source].write(parts)
        except OSError as error:
            self._failed(source, parts, error)
            return
        self._counters.add("writes", source)
        with self._changed:
            self._failing.pop(source, None)
            self._bytes -= sum(len(part.data) for part in parts)

    def _failed(self, source: str, parts: list[Part], error: OSError) -> None:
        message = f"events of {source} cannot be stored: {error.strerror or error}"
        if source not in self._failing:
            log.error("%s; it is tried again every %g s", message, RETRY_S)
        self._counters.add("failures", source)
        kept = [part for part in parts if part.done is None]
        with self._changed:
            self._failing[source] = (message, time.monotonic() + RETRY_S)
            self._queue[source] = kept + self._queue.pop(source, [])
            if not self._queue[source]:
                del self._queue[source]
            self._bytes -= sum(len(part.data) for part in parts if part.done is not None)
        for part in parts:
            if part.done is not None:
                part.done.set_exception(
                    Unavailable("the events could not be stored; nothing of the request was kept, send it again")
                )
