"""Whether a partition still has the records that were read of it, by the epochs of their leaders.

After an unclean election a log ends earlier than it did, and new records take offsets that were read before. Once
it has grown again neither its id nor its end shows that; the epoch of a record does, which every election raises.
Only partitions whose leader changed are looked at, all of them at once, and searched only if the last record that
was read is another one. Markers of transactions show no epoch: the last records before the end decide, of which a
partition without any among its last offsets shows a replacement only by a lower end.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.configuration import reading_configuration
from llmops_assets.sources.kafka.held import Held, Place

ANSWER_SECONDS = 20.0
LAST = 100  # offsets before the end in which a record is looked for
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
        newer = looks.last_is_newer(spans)
        spans = {place: (low, end - 1) for place, (low, end) in spans.items() if newer[place]}
        while wide := {place: (low + high) // 2 for place, (low, high) in spans.items() if high - low > 1}:
            for place, is_newer in looks.next_is_newer(wide).items():
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

    def last_is_newer(self, places: Iterable[Place]) -> dict[Place, bool]:
        """Whether the last record before the end is of a newer leader, or there is none because the log is shorter."""
        epochs: dict[Place, int] = {}

        def judged(place: Place, message: Any) -> bool | None:
            end = self._read[place].end
            if message.error() is None and message.offset() < end:
                epochs[place] = message.leader_epoch() or 0
                if message.offset() < end - 1:
                    return None
            is_short = message.error() is not None and self._held[place].high < end
            return is_short or epochs.get(place, 0) > self._read[place].epoch

        return self._asked(
            {place: max(self._held[place].low, self._read[place].end - LAST) for place in places}, judged
        )

    def next_is_newer(self, offsets: Mapping[Place, int]) -> dict[Place, bool]:
        """Whether the first record at or behind each offset is of a newer leader, or lies behind the last one."""

        def judged(place: Place, message: Any) -> bool:
            is_last = message.error() is not None or message.offset() >= self._read[place].end
            return is_last or (message.leader_epoch() or 0) > self._read[place].epoch

        return self._asked(offsets, judged)

    def _asked(self, offsets: Mapping[Place, int], judged: Callable[[Place, Any], bool | None]) -> dict[Place, bool]:
        """Read from each offset until what comes, a record or the end of the log, says yes or no."""
        from confluent_kafka import TopicPartition

        self._consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
        found: dict[Place, bool] = {}
        until = time.monotonic() + ANSWER_SECONDS
        while len(found) < len(offsets):
            for message in self._consumer.consume(100, 0.1):
                place = Place(message.topic() or "", message.partition() or 0)
                if place in offsets and place not in found and self._is_answer(place, message):
                    answer = judged(place, message)
                    found |= {} if answer is None else {place: answer}
            if time.monotonic() > until:
                place = next(place for place in offsets if place not in found)
                raise SourceError(
                    f"source {self._source.name}: {place}: no answer in {ANSWER_SECONDS:.0f} s to whether its records "
                    "are still those that were read, after its leader changed; run it again when the brokers are well"
                )
        return found

    def _is_answer(self, place: Place, message: Any) -> bool:
        """Whether a message is a record or says that the log ends; others say nothing of it."""
        from confluent_kafka import KafkaError

        error = message.error()
        if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise SourceError(f"source {self._source.name}: {place}: {error.str()}; grant Read on it to the user")
        return error is None or error.code() in (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET)
