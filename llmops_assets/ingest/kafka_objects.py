"""Recorded ranges of offsets in the words of a refresh: objects with versions, what of them is new, what was read.

Belongs here: the seam between the table of ranges and the refresh that reads objects of any kind. Planning is
`kafka_snapshots`, the table `kafka_table`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from llmops_assets.ingest.kafka_lag import Lag, lags, too_far_behind, unreadable
from llmops_assets.ingest.kafka_losses import hold
from llmops_assets.ingest.kafka_snapshots import plan_snapshot, propose
from llmops_assets.ingest.kafka_table import GAP, PLANNED, Book, Pair, Range, amend, read_book
from llmops_assets.ingest.listing import Listing
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake, StaleWindow
from llmops_assets.settings import IngestSettings
from llmops_assets.sources import Batch, ObjectRef, SourceError
from llmops_assets.sources.kafka import Cluster, RangeRead, RangeRef, read_ranges
from llmops_assets.sources.kafka.gaps import MissingRecords
from llmops_assets.windows import Window, hour_of


@dataclass
class KafkaReport:
    """What a refresh found out about topics beside their records."""

    tombstones: int = 0
    lags: list[Lag] = field(default_factory=list)
    behind: list[Lag] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def snapshot(lake: Lake, source: KafkaSettings, window: Window, now: datetime, run_id: str, first: datetime) -> Listing:
    """Take a snapshot if `window` is of the present; the ranges that are recorded. Raises as `plan_snapshot`."""
    return _listing(plan_snapshot(lake, source, window, now, run_id, first).ranges)


def look(lake: Lake, source: KafkaSettings, now: datetime, first: datetime) -> Listing:
    """The recorded ranges, and what a snapshot would add now or why it would fail; nothing is recorded."""
    book, cluster = read_book(lake, source.name), Cluster(source)
    hour, held = max(hour_of(now), book.last_hour or hour_of(now)), hold(cluster, book)
    try:
        proposed = [_pending(one, one.uri) for one in propose(book, source, cluster, held, hour, first)]
    except MissingRecords as error:
        proposed = [_pending(book.ranges[-1], f"{error}", hour)]
    recorded = _listing(book.ranges)
    unread = recorded.unread | {ref.uri for ref in proposed}
    return Listing((*recorded.refs, *proposed), unread, recorded.gaps)


def _pending(one: Range, uri: str, hour: datetime | None = None) -> RangeRef:
    """Something that a run would do, under a version that stays the same until one does it."""
    return replace(one.ref(), uri=uri, version="not read", arrival_hour=hour or one.arrival_hour)


def _listing(ranges: Iterable[Range]) -> Listing:
    objects = [one for one in ranges if one.is_object]
    return Listing(
        refs=tuple(one.ref() for one in objects),
        unread=frozenset(one.uri for one in objects if one.state == PLANNED),
        gaps=frozenset(one.uri for one in objects if one.state == GAP),
    )


class RangesRead:
    """The ranges that one commit takes in, and what was found in them."""

    def __init__(self, source: KafkaSettings, refs: Sequence[ObjectRef]) -> None:
        self.source = source
        self.refs = [ref for ref in refs if isinstance(ref, RangeRef)]
        self.reads = [RangeRead() for _ in self.refs]

    def batches(self, ingest: IngestSettings) -> Iterator[Batch]:
        """All records of the ranges."""
        return read_ranges(
            self.source,
            self.refs,
            self.reads,
            batch_bytes=ingest.batch_bytes,
            max_line_bytes=ingest.max_line_bytes,
        )

    def sizes(self) -> dict[str, int]:
        """Bytes that were read, by uri."""
        return {ref.uri: read.bytes for ref, read in zip(self.refs, self.reads, strict=True)}

    def verify(self, lake: Lake) -> None:
        """Make sure that nobody accepted a part of the ranges as lost while they were read.

        Raises:
            StaleWindow: somebody did; the work has to be planned again.
        """
        there = {(one.uri, one.version) for one in read_book(lake, self.source.name).ranges if one.state != GAP}
        if gone := [ref.uri for ref in self.refs if (ref.uri, ref.version) not in there]:
            raise StaleWindow(f"{self.source.name}: {', '.join(gone)} changed while it was read; run it again")

    def complete(self, lake: Lake, run_id: str) -> None:
        """Record that the rows of the ranges are in the lake."""
        read = {(ref.uri, ref.version): read for ref, read in zip(self.refs, self.reads, strict=True)}
        at = datetime.now(UTC)

        def change(book: Book) -> list[Pair]:
            return [
                (one, one.completed(read[one.uri, one.version], at, run_id))
                for one in book.ranges
                if (one.uri, one.version) in read and one.state != GAP
            ]

        amend(lake, self.source.name, change)


def after_commit(lake: Lake, source: KafkaSettings, window: Window, reads: Sequence[RangesRead]) -> KafkaReport:
    """Commit the group's offsets, and say how far the source is behind. Never fails: the rows are in the lake."""
    report = KafkaReport(tombstones=sum(one.tombstones for read in reads for one in read.reads))
    try:
        _look_around(lake, source, window, report, has_read=bool(reads))
    except SourceError as error:
        report.notes.append(str(error))
    return report


def _look_around(lake: Lake, source: KafkaSettings, window: Window, report: KafkaReport, *, has_read: bool) -> None:
    book, cluster = read_book(lake, source.name), Cluster(source)
    held = cluster.hold(cluster.topics())
    report.lags = lags(book, held, datetime.now(UTC))
    report.behind = too_far_behind(source, report.lags)
    report.notes += unreadable(book.within(window), held)
    if has_read:
        unfinished = {one.place for one in book.planned}
        cluster.commit(
            {place: book.heads[place].end_offset for place in held if place in book.heads.keys() - unfinished}
        )


def with_sizes(refs: Iterable[ObjectRef], sizes: Mapping[str, int]) -> list[ObjectRef]:
    """Objects with the bytes that were read of them, where they were read."""
    return [replace(ref, size=sizes.get(ref.uri, ref.size)) for ref in refs]
