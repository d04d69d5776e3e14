"""Records that a recorded range says should be there and the topic does not have: found, named, with the cure.

Belongs here: the four ways in which a topic loses what was not read. Offsets left out by compaction or by aborted
transactions are none of them. Whether a gap was accepted is recorded by `ingest`.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.held import Held, Place


@dataclass(frozen=True)
class Missing:
    """Reading cannot go on at offset `start`, but could at `end`; in another life of the topic if `is_new_era`."""

    place: Place
    start: int
    end: int
    why: str
    is_new_era: bool = False

    def sentence(self, source: str) -> str:
        """What is missing, and what to type to go on."""
        command = (
            f"llmops source accept-gap {shlex.quote(source)} --topic {self.place.topic} "
            f"--partition {self.place.partition} --from {self.start} --to {self.end} --reason '…' --by '…'"
        )
        return f"{self.place}: {self.why}. If that is for good, record it and go on at offset {self.end}: {command}"


class MissingRecords(SourceError):
    """Some topics no longer have what was to be read; nothing was taken in."""

    def __init__(self, source: str, missing: Iterable[Missing]) -> None:
        self.missing = list(missing)
        super().__init__("\n".join(f"source {source}: {one.sentence(source)}" for one in self.missing))


def missing(place: Place, held: Held, topic_id: str, start: int, end: int | None = None) -> Missing | None:
    """Why offsets from `start` (to `end`, if that is known) of topic `topic_id` cannot be read; None if they can."""
    if held.topic_id != topic_id:
        why = (
            f"the topic was deleted and created again (id {topic_id}, now {held.topic_id}); what the old one had "
            f"from offset {start} on is lost"
        )
        return Missing(place, start, held.low, why, is_new_era=True)
    until = start if end is None else end
    cut = min(held.high, until if held.rewritten_from is None else held.rewritten_from)
    if cut < until:
        why = (
            f"records from offset {cut} on, read or planned to {until}, were lost on the brokers (an unclean leader "
            f"election); the topic ends at {held.high}, and new records take their offsets"
        )
        return Missing(place, start, min(start, cut), why, is_new_era=True)
    if held.low > start:
        lost = held.low if end is None else min(held.low, end)
        why = f"offsets [{start}, {lost}) were removed (retention, delete_records) before they were read"
        return Missing(place, start, lost, why)
    return None


def unread(source: str, place: Place, start: int, end: int, why: str) -> MissingRecords:
    """A read that came to an end before its range did."""
    return MissingRecords(source, [Missing(place, start, end, f"offsets [{start}, {end}) could not be read: {why}")])
