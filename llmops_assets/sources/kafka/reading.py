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

import pyarrow as pa
import pyarrow.compute as pc

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.batches import MANY_PIECES
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.cluster import Cluster, Errors
from llmops_assets.sources.kafka.configuration import reading_configuration
from llmops_assets.sources.kafka.gaps import MissingRecords, missing, unread
from llmops_assets.sources.kafka.ranges import RangeRead, RangeRef, Stretch, stretches
from llmops_assets.sources.kafka.registry import Registry
from llmops_assets.sources.kafka.rows import How, rows_of
from llmops_assets.sources.objects import LINES_SCHEMA, Batch, ObjectRead

AT_ONCE = 20_000
WAIT_SECONDS = 0.1  # consume waits this long to fill a batch, so it must be short
MOST_ROWS = 2**18


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
        yield from _Reading(source, [one for one in together if one is not None], reads, batch_bytes, how).batches()
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
        how: How,
    ) -> None:
        self.source, self.reads, self.batch_bytes, self.how = source, reads, batch_bytes, how
        self.open = {(one.place.topic, one.place.partition): _Cursor(one) for one in together}
        self.errors = Errors()
        self.pieces: list[pa.RecordBatch] = []
        self.bytes = self.rows = 0

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
            if self.bytes >= self.batch_bytes or self.rows >= MOST_ROWS:
                yield self._flush()
        if self.rows:
            yield self._flush()

    def _take(self, consumer: Any, messages: Sequence[Any]) -> bool:
        """Take in messages of any partitions, in their order in each; whether any is a record."""
        found: dict[tuple[str, int], list[Any]] = defaultdict(list)
        events = []
        for message in messages:
            if message.error() is None:
                found[message.topic(), message.partition()].append(message)
            else:
                events.append(message)
        ended = {place for place, records in found.items() if place in self.open and self._records(place, records)}
        ended |= {place for event in events if (place := self._ended_by(event)) is not None}
        if ended:
            for place in ended:
                del self.open[place]
            _leave(consumer, sorted(ended))
        return bool(found)

    def _records(self, place: tuple[str, int], records: list[Any]) -> bool:
        """Take in records of one partition; whether its stretch is at its end."""
        cursor = self.open[place]
        offsets = [record.offset() for record in records]
        for object_id, start, end in cursor.pieces(offsets):
            for piece in rows_of(records[start:end], object_id, self.reads[object_id], self.how):
                self.pieces.append(piece)
                self.rows += piece.num_rows
                self.bytes += pc.sum(piece["bytes"]).as_py()
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

    def _flush(self) -> Batch:
        lines = pa.Table.from_batches(self.pieces, LINES_SCHEMA)
        if len(self.pieces) > MANY_PIECES:
            lines = lines.combine_chunks()
        self.pieces, self.bytes, self.rows = [], 0, 0
        return Batch(lines, _shares(lines))


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
