"""Bounded reads: exactly the records of recorded ranges, in batches, without a consumer group.

A range ends at any of: a record at its last offset or beyond, or the end of the partition at or behind its end.
Markers of transactions and compaction leave offsets out, so that its last offset may never come. A read that makes
no progress fails with what is missing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.cluster import Cluster, Errors
from llmops_assets.sources.kafka.configuration import reading_configuration
from llmops_assets.sources.kafka.gaps import MissingRecords, missing, unread
from llmops_assets.sources.kafka.ranges import RangeRead, RangeRef, Stretch, stretches
from llmops_assets.sources.kafka.registry import Registry, Undecodable
from llmops_assets.sources.kafka.rows import Rows, envelope_of, instant
from llmops_assets.sources.objects import Batch, ObjectRead

AT_ONCE = 10_000
WAIT_SECONDS = 0.1  # consume waits this long to fill a batch, so it must be short
MOST_ROWS = 2**18
Decode = Callable[[bytes], bytes]


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
    _verify(cluster, source, refs)
    by_place = [list(found) for _, found in groupby(stretches(refs), key=lambda one: one.place)]
    for together in zip_longest(*by_place):
        reading = _Reading(source, [one for one in together if one is not None], reads, batch_bytes, max_line_bytes)
        reading.decode = decode
        yield from reading.batches()
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

    def __init__(
        self,
        source: KafkaSettings,
        together: Sequence[Stretch],
        reads: Sequence[RangeRead],
        batch_bytes: int,
        max_line_bytes: int,
    ) -> None:
        self.source, self.reads = source, reads
        self.batch_bytes, self.max_line_bytes = batch_bytes, max_line_bytes
        self.open = {(one.place.topic, one.place.partition): _Cursor(one) for one in together}
        self.headers = frozenset(source.headers)
        self.decode: Decode | None = None
        self.errors = Errors()
        self.rows = Rows(max_line_bytes)

    def batches(self) -> Iterator[Batch]:
        """All records; the consumer is closed whatever happens."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(reading_configuration(self.source) | {"error_cb": self.errors})
        try:
            starts = [TopicPartition(*place, cursor.stretch.start) for place, cursor in self.open.items()]
            consumer.assign(starts)
            yield from self._consume(consumer)
        finally:
            consumer.close()

    def _consume(self, consumer: Any) -> Iterator[Batch]:
        progressed = time.monotonic()
        while self.open:
            messages = consumer.consume(AT_ONCE, WAIT_SECONDS)
            finished = [place for message in messages if (place := self._take(message)) is not None]
            if finished:
                _leave(consumer, finished)
            if messages and (finished or any(message.error() is None for message in messages)):
                progressed = time.monotonic()
            elif self.open:
                self._refuse_silence(progressed)
            if self.rows.size >= self.batch_bytes or len(self.rows) >= MOST_ROWS:
                yield self._flush()
        if len(self.rows):
            yield self._flush()

    def _take(self, message: Any) -> tuple[str, int] | None:
        """Take in one message; its place if its stretch is at its end."""
        place = (message.topic(), message.partition())
        cursor = self.open.get(place)
        if cursor is None:
            return None
        if message.error() is not None:
            is_end = self._is_end(message, cursor)
        else:
            offset = message.offset()
            if offset < cursor.stretch.end:
                self._record(message, cursor.object_at(offset))
            cursor.next = offset + 1
            is_end = cursor.next >= cursor.stretch.end
        if is_end:
            del self.open[place]
        return place if is_end else None

    def _record(self, message: Any, object_id: int) -> None:
        read, value = self.reads[object_id], message.value()
        envelope = envelope_of(message, object_id, self.headers)
        read.saw(instant(envelope.milliseconds))
        if value is None:
            read.tombstones += 1
            return
        read.records += 1
        read.bytes += len(value)
        if self.decode is None:
            self.rows.add(envelope, value)
            return
        try:
            self.rows.add(envelope, self.decode(value))
        except Undecodable as error:
            self.rows.refuse(envelope, value, error.reason)

    def _is_end(self, message: Any, cursor: "_Cursor") -> bool:
        """Whether an event says that the stretch is at its end."""
        from confluent_kafka import KafkaError

        error, place = message.error(), cursor.stretch.place
        if error.code() == KafkaError._PARTITION_EOF:
            return bool(message.offset() >= cursor.stretch.end)
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise unread(self.source.name, place, cursor.next, cursor.stretch.end, error.str())
        refused = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART}
        if error.fatal() or error.code() in refused:
            raise SourceError(f"source {self.source.name}: {place}: {error.str()}; check the topic and its permissions")
        self.errors(error)
        return False

    def _refuse_silence(self, since: float) -> None:
        if (refusal := self.errors.refusal()) is not None:
            raise SourceError(f"source {self.source.name}: Kafka refuses: {refusal}; check user and password")
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

    def _flush(self) -> Batch:
        lines = self.rows.table()
        self.rows = Rows(self.max_line_bytes)
        return Batch(lines, _shares(lines))


class _Cursor:
    """How far a stretch was read."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.next = stretch.start
        self._at = 0

    def object_at(self, offset: int) -> int:
        """The object that holds an offset; offsets may only grow."""
        while offset >= self.stretch.refs[self._at][1].end:
            self._at += 1
        return self.stretch.refs[self._at][0]


def _leave(consumer: Any, places: Sequence[tuple[str, int]]) -> None:
    from confluent_kafka import TopicPartition

    consumer.incremental_unassign([TopicPartition(*place) for place in places])


def _shares(lines: Any) -> list[ObjectRead]:
    """The batch's bytes by object."""
    sums = lines.select(["object_id", "bytes"]).group_by("object_id").aggregate([("bytes", "sum")]).to_pylist()
    total = sum(one["bytes_sum"] for one in sums)
    return [
        ObjectRead(one["object_id"], one["bytes_sum"], one["bytes_sum"] / total if total else 1 / len(sums))
        for one in sums
    ]
