"""How far a Kafka source is behind its topics, and what they no longer hold of what was read.

Looked at after the rows are in the lake; nothing here decides what is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from llmops_assets.ingest.kafka_table import COMPLETE, Book, Range
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.kafka import Held, Place


@dataclass(frozen=True)
class Lag:
    """One partition: offsets up to its end that are not read, and the age of the newest record that is.

    Offsets of an open transaction count: it holds the snapshot back. `seconds` is None if nothing was read yet.
    """

    place: Place
    read_to: int
    end: int
    waiting: int
    seconds: float | None

    @property
    def records(self) -> int:
        """Offsets that are not read."""
        return max(0, self.end - self.read_to)


def lags(book: Book, held: Mapping[Place, Held], now: datetime) -> list[Lag]:
    """The lag of every partition that has a recorded range."""
    newest = _newest(book.ranges)
    return [
        Lag(
            place,
            (head := book.heads[place]).end_offset,
            one.high,
            max(0, one.high - one.stable),
            None if place not in newest or one.high <= head.end_offset else (now - newest[place]).total_seconds(),
        )
        for place, one in sorted(held.items())
        if place in book.heads
    ]


def too_far_behind(source: KafkaSettings, found: Iterable[Lag]) -> list[Lag]:
    """The partitions beyond a configured bound."""
    most, longest = source.max_lag_records, source.max_lag_seconds
    return [
        lag
        for lag in found
        if (most is not None and lag.records > most) or (longest is not None and (lag.seconds or 0) > longest)
    ]


def unreadable(ranges: Iterable[Range], held: Mapping[Place, Held]) -> list[str]:
    """Ranges whose records the topic no longer has: their rows in the lake are the only copy."""
    gone = [
        one
        for one in ranges
        if one.state == COMPLETE
        and one.start_offset < one.end_offset
        and (
            one.place not in held or held[one.place].topic_id != one.topic_id or held[one.place].low > one.start_offset
        )
    ]
    return [f"{one.uri} to {one.end_offset}: no longer in the topic; its rows are kept" for one in gone]


def _newest(ranges: Iterable[Range]) -> dict[Place, datetime]:
    found: dict[Place, datetime] = {}
    for one in ranges:
        if one.last_timestamp is not None:
            found[one.place] = max(found.get(one.place, one.last_timestamp), one.last_timestamp)
    return found
