"""Ranges of offsets `[start, end)` of one partition, as objects that hold records, and what a read of one found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from llmops_assets.sources.kafka.held import Place
from llmops_assets.sources.objects import ObjectRef


@dataclass(frozen=True)
class RangeRef(ObjectRef):
    """A recorded range. A record's line is its offset; `topic_id` is the topic it must be read from."""

    place: Place
    topic_id: str
    start: int
    end: int


@dataclass
class RangeRead:
    """What a read of one range found: records with a value, tombstones, their bytes and times."""

    records: int = 0
    tombstones: int = 0
    bytes: int = 0
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None

    def saw(self, at: datetime | None) -> None:
        """A record of this time."""
        if at is not None:
            self.first_timestamp = min(self.first_timestamp or at, at)
            self.last_timestamp = max(self.last_timestamp or at, at)


@dataclass(frozen=True)
class Stretch:
    """Ranges of one partition that follow each other without a gap: read at one go."""

    place: Place
    refs: tuple[tuple[int, RangeRef], ...]
    """The ranges in order, each with its number as an object."""

    @property
    def start(self) -> int:
        """The first offset."""
        return self.refs[0][1].start

    @property
    def end(self) -> int:
        """The offset behind the last."""
        return self.refs[-1][1].end


def stretches(refs: Iterable[RangeRef]) -> list[Stretch]:
    """All ranges as stretches, by place and offset."""
    found: list[Stretch] = []
    for number, ref in sorted(enumerate(refs), key=lambda one: (one[1].place, one[1].start)):
        last = found[-1] if found else None
        if last is not None and last.place == ref.place and last.end == ref.start:
            found[-1] = Stretch(ref.place, (*last.refs, (number, ref)))
        else:
            found.append(Stretch(ref.place, ((number, ref),)))
    return found
