"""Bounded reads: exactly the records of recorded ranges, in batches, without a consumer group.

A range ends at any of: a record at its last offset or beyond, or the end of the partition at or behind its end.
Markers of transactions and compaction leave offsets out, so that its last offset may never come. A read that makes
no progress fails with what is missing.
"""

import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.cluster import Cluster, Errors
from llmops_assets.sources.kafka.collecting import Collector
from llmops_assets.sources.kafka.configuration import reading_configuration
from llmops_assets.sources.kafka.gaps import MissingRecords, missing, unread
from llmops_assets.sources.kafka.ranges import RangeRead, RangeRef, Stretch, stretches
from llmops_assets.sources.kafka.registry import Registry
from llmops_assets.sources.kafka.rows import How
from llmops_assets.sources.objects import Batch

# So few stay in the processor's cache, and below the number of new objects at which Python looks for garbage: a million
# messages cost 0.4 s of a core to fetch, and 1.1 s with 20,000 at once, before anything is done with them.
AT_ONCE = 500
WAIT_SECONDS = 0.1  # consume waits this long to fill a batch, so it must be short


def read_ranges(
    source: KafkaSettings,
    refs: Sequence[RangeRef],
    reads: Sequence[RangeRead],
    *,
    batch_bytes: int,
    max_line_bytes: int,
) -> Iterator[Batch]:
    """The records of `refs`, in batches of about `batch_bytes`; what each range held is counted in `reads`.

    `object_id` is a range's index in `refs`. Ranges of many partitions are read side by side.

    Raises:
        MissingRecords: a topic no longer has a range, or a read made no progress.
        SourceError: brokers cannot be reached, or refuse.
    """
    cluster = Cluster(source)
    decode = Registry(source) if source.registry_url is not None else None
    how = How(max_line_bytes, frozenset(source.headers), decode)
    _verify(cluster, source, refs)
    by_place = [list(found) for _, found in groupby(stretches(refs), key=lambda one: one.place)]
    for together in zip_longest(*by_place):
        collector = Collector(reads, batch_bytes, how)
        yield from _Reading(source, [one for one in together if one is not None], collector).batches()
    _verify(cluster, source, refs)  # a topic that was created again meanwhile gave us its records without a word


def _verify(cluster: Cluster, source: KafkaSettings, refs: Sequence[RangeRef]) -> None:
    held = cluster.hold(sorted({ref.place.topic for ref in refs}))
    found = [missing(ref.place, held[ref.place], ref.topic_id, ref.start, ref.end) for ref in refs if ref.place in held]
    gone = [
        unread(source.name, ref.place, ref.start, ref.end, "no such partition") for ref in refs if ref.place not in held
    ]
    if lost := [one for one in found if one] + [one for error in gone for one in error.missing]:
        raise MissingRecords(source.name, lost)


class _Reading:
    """One consumer and at most one stretch of each partition."""

    def __init__(self, source: KafkaSettings, together: Sequence[Stretch], collector: Collector) -> None:
        self.source, self.collector = source, collector
        self.open = {(one.place.topic, one.place.partition): _Cursor(one) for one in together}
        self.errors = Errors()

    def batches(self) -> Iterator[Batch]:
        """All records; the consumer is closed whatever happens."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(reading_configuration(self.source) | {"error_cb": self.errors})
        try:
            consumer.assign([TopicPartition(*place, cursor.next) for place, cursor in self.open.items()])
            yield from self._consume(consumer)
        finally:
            consumer.close()

    def _consume(self, consumer: Any) -> Iterator[Batch]:
        progressed = time.monotonic()
        while self.open:
            messages = consumer.consume(AT_ONCE, WAIT_SECONDS)
            before = len(self.open)
            has_record = self._take(consumer, messages)
            if has_record or len(self.open) < before:
                progressed = time.monotonic()
            else:
                self._refuse_silence(progressed)
            yield from self.collector.full()
        yield from self.collector.rest()

    def _take(self, consumer: Any, messages: Sequence[Any]) -> bool:
        """Take in messages of any partitions, in their order in each; whether any is a record."""
        records, events = _told_apart(messages)
        found = _by_place(records)
        ended = {place for place, records in found.items() if place in self.open and self._records(place, records)}
        ended |= {place for event in events if (place := self._ended_by(event)) is not None}
        if ended:
            for place in ended:
                del self.open[place]
            _leave(consumer, sorted(ended))
        return bool(found)

    def _records(self, place: tuple[str, int], records: Sequence[Any]) -> bool:
        """Take in records of one partition; whether its stretch is at its end."""
        from confluent_kafka import Message

        cursor = self.open[place]
        offsets: list[Any] = list(map(Message.offset, records))
        for object_id, start, end in cursor.pieces(offsets):
            self.collector.add(object_id, records[start:end], offsets[start:end])
        cursor.next = offsets[-1] + 1
        return cursor.next >= cursor.stretch.end

    def _ended_by(self, event: Any) -> tuple[str, int] | None:
        """The place whose stretch an event says to be at its end."""
        from confluent_kafka import KafkaError

        where, error = (event.topic(), event.partition()), event.error()
        cursor = self.open.get(where)
        if cursor is None:
            return None
        place = cursor.stretch.place
        if error.code() == KafkaError._PARTITION_EOF:
            return where if event.offset() >= cursor.stretch.end else None
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise unread(self.source.name, place, cursor.next, cursor.stretch.end, error.str())
        refused = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART}
        if error.fatal() or error.code() in refused:
            raise SourceError(f"source {self.source.name}: {place}: {error.str()}; grant Read on it to the user")
        self.errors(error)
        return None

    def _refuse_silence(self, since: float) -> None:
        if (refusal := self.errors.refusal()) is not None:
            raise SourceError(f"source {self.source.name}: Kafka refuses: {refusal}")
        seconds = self.source.timeout_seconds
        if time.monotonic() - since < seconds:
            return
        why = f"no record came for {seconds:g} s ({self.errors.last()}); run it again when the brokers are well"
        lost = [
            one
            for cursor in self.open.values()
            for one in unread(self.source.name, cursor.stretch.place, cursor.next, cursor.stretch.end, why).missing
        ]
        raise MissingRecords(self.source.name, lost)


class _Cursor:
    """How far a stretch was read."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.next = stretch.start
        self._ends = [ref.end for _, ref in stretch.refs]

    def pieces(self, offsets: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Rising offsets by the object that holds them: its number, and from where to where; none beyond the end."""
        start = 0
        while start < len(offsets) and offsets[start] < self.stretch.end:
            at = bisect_right(self._ends, offsets[start])
            end = bisect_left(offsets, self._ends[at], start)
            yield self.stretch.refs[at][0], start, end
            start = end


def _told_apart(messages: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Records, and events, of which there are few."""
    from confluent_kafka import Message

    if not any(map(Message.error, messages)):
        return messages, ()
    events = [message for message in messages if message.error() is not None]
    return [message for message in messages if message.error() is None], events


def _by_place(records: Sequence[Any]) -> dict[tuple[str, int], Sequence[Any]]:
    """Records by their partition. Most often all are of one: brokers answer with a megabyte of each."""
    from confluent_kafka import Message

    topics: list[Any] = list(map(Message.topic, records))
    partitions: list[Any] = list(map(Message.partition, records))
    if records and topics.count(topics[0]) == partitions.count(partitions[0]) == len(records):
        return {(topics[0], partitions[0]): records}
    found: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for place, record in zip(zip(topics, partitions, strict=True), records, strict=True):
        found[place].append(record)
    return dict(found)


def _leave(consumer: Any, places: Sequence[tuple[str, int]]) -> None:
    from confluent_kafka import TopicPartition

    consumer.incremental_unassign([TopicPartition(*place) for place in places])
