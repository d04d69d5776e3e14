"""Whether a partition still has the records that were read of it, by the epochs of their leaders.

After an unclean election a log ends earlier than it did, and new records take offsets that were read before. Once
it has grown again neither its id nor its end shows that; the epoch of a record does, which every election raises.
Only partitions whose leader changed are looked at, all of them at once, and searched only if the last record that
was read is another one. One that ends in a marker of a transaction shows a replacement only by a lower end.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.configuration import reading_configuration
from llmops_assets.sources.kafka.held import Held, Place

ANSWER_SECONDS = 20.0
SMALL_FETCHES = {"queued.min.messages": "1", "fetch.message.max.bytes": "1024"}


@dataclass(frozen=True)
class ReadTo:
    """Everything before `end` was read or planned when the partition's leader had this epoch."""

    epoch: int
    end: int


def first_rewritten(
    source: KafkaSettings, held: Mapping[Place, Held], read: Mapping[Place, ReadTo]
) -> dict[Place, int]:
    """The first offset before the end that newer leaders gave to another record; places that have one.

    Raises:
        SourceError: a record cannot be looked at.
    """
    spans = {
        place: (held[place].low - 1, one.end)
        for place, one in read.items()
        if (held[place].leader_epoch or 0) > one.epoch and held[place].low < one.end
    }
    if not spans:
        return {}
    looks = _Looks(source, held, read)
    try:
        newer = looks.newer({place: end - 1 for place, (_, end) in spans.items()})
        spans = {place: (low, end - 1) for place, (low, end) in spans.items() if newer[place]}
        while wide := {place: (low + high) // 2 for place, (low, high) in spans.items() if high - low > 1}:
            for place, is_newer in looks.newer(wide).items():
                low, high = spans[place]
                spans[place] = (low, wide[place]) if is_newer else (wide[place], high)
    finally:
        looks.close()
    return {place: high for place, (_, high) in spans.items()}


class _Looks:
    """A consumer that looks at single records."""

    def __init__(self, source: KafkaSettings, held: Mapping[Place, Held], read: Mapping[Place, ReadTo]) -> None:
        from confluent_kafka import Consumer

        self._source, self._held, self._read = source, held, read
        settings = reading_configuration(source) | SMALL_FETCHES | {"isolation.level": "read_uncommitted"}
        self._consumer = Consumer(settings | {"error_cb": lambda _: None})

    def close(self) -> None:
        """End the consumer."""
        self._consumer.close()

    def newer(self, offsets: Mapping[Place, int]) -> dict[Place, bool]:
        """Whether the first record at or behind each offset is of a newer leader than when it was read."""
        from confluent_kafka import TopicPartition

        self._consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
        found: dict[Place, bool] = {}
        until = time.monotonic() + ANSWER_SECONDS
        while len(found) < len(offsets):
            for message in self._consumer.consume(100, 0.1):
                place = Place(message.topic() or "", message.partition() or 0)
                if place in offsets and place not in found and (judged := self._judged(place, message)) is not None:
                    found[place] = judged
            if time.monotonic() > until:
                place = next(place for place in offsets if place not in found)
                raise SourceError(
                    f"source {self._source.name}: {place}: no answer in {ANSWER_SECONDS:.0f} s to whether its records "
                    "are still those that were read, after its leader changed; run it again when the brokers are well"
                )
        return found

    def _judged(self, place: Place, message: Any) -> bool | None:
        """Whether what came is newer than what was read; None if it says nothing of that."""
        from confluent_kafka import KafkaError

        read, error = self._read[place], message.error()
        if error is None:
            return bool(message.offset() < read.end and (message.leader_epoch() or 0) > read.epoch)
        if error.code() in (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET):
            return self._held[place].high < read.end
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise SourceError(f"source {self._source.name}: {place}: {error.str()}; grant Read on it to the user")
        return None
