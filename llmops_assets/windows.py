"""Half-open UTC time windows: the one way in which this project speaks of spans of time.

Belongs here: windows, the hours they hold, merging hours into ranges. Does not belong here: what a
window means to a table (the lake) or to Dagster (partitions).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Window:
    """The instants `at` with `start <= at < end`, both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, at in (("start", self.start), ("end", self.end)):
            if at.tzinfo is None or at.utcoffset() != timedelta(0):
                raise ValueError(f"window {name} {at!r} is not in UTC: give an aware datetime in UTC")
        if self.end < self.start:
            raise ValueError(f"window ends at {self.end} before it starts at {self.start}")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ}/{self.end:%Y-%m-%dT%H:%MZ}"

    def widened(self, margin: timedelta) -> "Window":
        """The window with `margin` more on either side."""
        return Window(self.start - margin, self.end + margin)

    def hours(self) -> "list[Window]":
        """The clock hours that the window touches, in order."""
        return list(_steps(hour_of(self.start), self.end, HOUR))

    def days(self) -> "list[Window]":
        """The UTC days that the window touches, in order."""
        return list(_steps(day_of(self.start), self.end, DAY))

    def chunks(self, longest: timedelta) -> "list[Window]":
        """The window cut into consecutive windows of at most `longest`."""
        return [Window(step.start, min(step.end, self.end)) for step in _steps(self.start, self.end, longest)]


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterator[Window]:
    while start < end:
        yield Window(start, start + step)
        start += step


def hour_of(at: datetime) -> datetime:
    """The start of the UTC hour that holds `at`."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime | date) -> datetime:
    """The start of the UTC day that holds `at`."""
    if isinstance(at, datetime):
        at = at.astimezone(UTC).date()
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


def hour_window(start: datetime) -> Window:
    """The window of the hour that starts at `start`."""
    return Window(start, start + HOUR)


def contiguous(starts: Iterable[datetime], step: timedelta = HOUR) -> list[Window]:
    """Merge the starts of `step`-long windows into maximal windows, sorted and disjoint."""
    merged: list[Window] = []
    for start in sorted(set(starts)):
        if merged and merged[-1].end == start:
            merged[-1] = Window(merged[-1].start, start + step)
        else:
            merged.append(Window(start, start + step))
    return merged
