"""One source's way to disk: its open segment, and when that is closed.

Belongs here: appending a group of requests with one fsync, and closing by size, by age, at the end of the hour
and for a request that waits for its upload. Only the spool's thread works here.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from llmops_assets.intake.destinations import Destination
from llmops_assets.intake.finishing import Closed, Finisher
from llmops_assets.intake.segments import Segment, left_over
from llmops_assets.intake_settings import IntakeSettings
from llmops_assets.windows import HOUR, hour_of

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Part:
    """What one request brought. `done` is told when it is durable, if the request waits for that."""

    data: bytes
    done: Future[None] | None = None


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Lane:
    """The open segment of one source."""

    def __init__(
        self, destination: Destination, finisher: Finisher, settings: IntakeSettings, now: Now = utc_now
    ) -> None:
        self.finisher, self.is_remote = finisher, destination.is_remote
        self._spool, self._settings, self._now = destination.spool, settings, now
        self._segment: Segment | None = None
        self._waiting: list[Future[None]] = []
        self._due = 0.0

    def recover(self) -> int:
        """Have the segments of dead processes finished; their number. Raises `OSError`."""
        count = 0
        for segment in left_over(self._spool):
            self.finisher.add(Closed(segment))
            count += 1
        return count

    def write(self, parts: Sequence[Part]) -> None:
        """Store `parts` with one fsync; with none, see whether that would be possible.

        Raises:
            OSError: nothing of them was stored.
        """
        segment = self._open()
        try:
            segment.append(parts[0].data if len(parts) == 1 else b"".join(part.data for part in parts))
        except OSError:
            self.roll()  # what it holds is safe; the next attempt begins another file
            raise
        waiting = [part.done for part in parts if part.done is not None]
        if self.is_remote:
            self._wait_for_upload(waiting)
        else:
            Closed(segment, waiting).release(None)
        if segment.size >= self._settings.roll_bytes:
            self.roll()

    def roll_if_due(self) -> None:
        """Close the segment if its time is over."""
        if self._segment is not None and time.monotonic() >= self._due:
            self.roll()

    def seconds_left(self) -> float | None:
        """How long the segment may stay open; None if there is none."""
        return None if self._segment is None else max(0.0, self._due - time.monotonic())

    def roll(self) -> None:
        """Close the segment and have it finished."""
        segment, self._segment = self._segment, None
        waiting, self._waiting = self._waiting, []
        if segment is None:
            return
        if segment.size:
            self.finisher.add(Closed(segment, waiting))
        else:
            with suppress(OSError):
                segment.remove()

    def _open(self) -> Segment:
        now = self._now()
        if self._segment is not None and hour_of(self._segment.started) != hour_of(now):
            self.roll()
        if self._segment is None:
            self._segment = Segment.create(self._spool, now)
            left = hour_of(now) + HOUR - now
            self._due = time.monotonic() + min(self._settings.roll_seconds, left / timedelta(seconds=1))
        return self._segment

    def _wait_for_upload(self, waiting: list[Future[None]]) -> None:
        if waiting and not self._waiting:
            self._due = min(self._due, time.monotonic() + self._settings.upload_seconds)
        self._waiting += waiting
