"""Which ranges of offsets a snapshot of a Kafka source takes: from each partition's recorded end to its end now.

The first snapshot of a topic divides what it holds by record time into arrival hours; all later ranges belong to
the hour of their snapshot. A range is chosen here once; what was lost in between is an error. Nothing is read.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from llmops_assets.ingest.kafka_losses import hold, is_lost, losses, refuse_gone, settled
from llmops_assets.ingest.kafka_table import COMPLETE, PLANNED, Book, Pair, Range, amend
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.sources.kafka import Cluster, Held, Place
from llmops_assets.sources.kafka.gaps import MissingRecords
from llmops_assets.windows import HOUR, Window, hour_of

GRACE = timedelta(minutes=15)
"""A run for the running hour may begin when that has just ended: it still takes its snapshot."""


def plan_snapshot(
    lake: Lake, source: KafkaSettings, window: Window, now: datetime, run_id: str, first: datetime
) -> Book:
    """Record what a run for `window` has to read, if that is the hour of a snapshot; all recorded ranges.

    The first run of a source plans all hours that its topics hold, from `first` on, whatever its window.

    Raises:
        MissingRecords: a topic lost records that were not read.
        SourceError: brokers cannot be reached, or a topic does not exist.
    """

    def change(book: Book) -> list[Pair]:
        hour = _snapshot_hour(window, now, book)
        is_of_now = hour is not None or not book.ranges
        if not is_of_now and not any(one.arrival_hour in window for one in book.planned):
            return []
        cluster = Cluster(source)
        held = hold(cluster, book)
        done = settled(lake, book, is_lost(held))
        proposed = propose(book.after(done), source, cluster, held, hour or hour_of(now), first) if is_of_now else []
        return [*done, *((None, _stamped(one, now, run_id)) for one in proposed)]

    return amend(lake, source.name, change)


def propose(
    book: Book, source: KafkaSettings, cluster: Cluster, held: Mapping[Place, Held], hour: datetime, first: datetime
) -> list[Range]:
    """The ranges that a snapshot in `hour` would add to a book whose topics hold this. Raises as `plan_snapshot`."""
    refuse_gone(book, source, held)
    if lost := losses(book, held):
        raise MissingRecords(source.name, lost)
    going_on = [
        _range(source, place, hour, one, book.heads[place].end_offset, one.stable, book.heads[place].era)
        for place, one in held.items()
        if place in book.heads and one.stable > book.heads[place].end_offset
    ]
    return going_on + _beginnings(book, source, cluster, held, hour, first)


def _snapshot_hour(window: Window, now: datetime, book: Book) -> datetime | None:
    """The hour of `window` under which a snapshot taken now is filed; None if it is not a run for the present."""
    hour = hour_of(now)
    if hour not in window and window.end <= hour and now - window.end < GRACE:
        hour = window.end - HOUR
    hour = max(hour, book.last_hour or hour)
    return hour if hour in window else None


def _beginnings(
    book: Book,
    source: KafkaSettings,
    cluster: Cluster,
    held: Mapping[Place, Held],
    hour: datetime,
    first: datetime,
) -> list[Range]:
    """The first ranges of partitions that have none: by record time in new topics, all in `hour` in known ones."""
    new = {place: one for place, one in held.items() if place not in book.heads}
    starts = _starts(source, cluster, new) if not book.ranges else {place: one.low for place, one in new.items()}
    known = {place.topic for place in book.heads}
    spans = {place: (min(start, new[place].stable), new[place].stable) for place, start in starts.items()}
    divided = divide(cluster, {place: span for place, span in spans.items() if place.topic not in known}, first, hour)
    found = []
    for place, (start, end) in spans.items():
        pieces = divided.get(place) or [(hour, start, end)]
        found += [_range(source, place, at, held[place], low, high, 0) for at, low, high in pieces]
    return found


def _starts(source: KafkaSettings, cluster: Cluster, new: Mapping[Place, Held]) -> dict[Place, int]:
    """Where the first snapshot of a source begins."""
    if source.start == "latest":
        return {place: one.stable for place, one in new.items()}
    at = source.first_time
    if at is None:
        return {place: one.low for place, one in new.items()}
    found = cluster.begin(dict.fromkeys(new, at))
    return {place: one.stable if (offset := found[place]) is None else offset for place, one in new.items()}


def divide(
    cluster: Cluster, spans: Mapping[Place, tuple[int, int]], first: datetime, last: datetime
) -> dict[Place, list[tuple[datetime, int, int]]]:
    """Offsets `[start, end)` as consecutive ranges by hour, from `first` to `last`, whatever the order of times.

    An hour begins at the first record of its time or later, so that a record belongs to the latest hour that any
    record up to it has: cuts never cross. What is newer than the hours belongs to the last; what is older, or was
    removed, to the first hour that has a record: a wrong clock does not make hours of long ago.
    """
    ends = (last + HOUR - first) // HOUR
    known = cluster.begin({place: first for place, (start, end) in spans.items() if start < end})
    cuts = {
        place: {0: min(max(found, spans[place][0]), spans[place][1]), ends: spans[place][1]}
        for place, found in known.items()
        if found is not None
    }
    open_spans = {place: [(0, ends)] for place in cuts}
    while asked := {place: span for place, left in open_spans.items() if (span := _next(left, cuts[place]))}:
        begin = cluster.begin({place: first + sum(span) // 2 * HOUR for place, span in asked.items()})
        for place, (low, high) in asked.items():
            middle, cut = (low + high) // 2, cuts[place]
            offset = begin[place]
            cut[middle] = cut[high] if offset is None else min(max(offset, cut[low]), cut[high])
            open_spans[place] += [(low, middle), (middle, high)]
    return {place: _pieces(cut, first, spans[place][0]) for place, cut in cuts.items()}


def _next(left: list[tuple[int, int]], cut: Mapping[int, int]) -> tuple[int, int] | None:
    """The next span of hours that holds records and is longer than one hour."""
    while left:
        low, high = left.pop()
        if high - low > 1 and cut[low] < cut[high]:
            return low, high
    return None


def _pieces(cut: Mapping[int, int], first: datetime, begin: int) -> list[tuple[datetime, int, int]]:
    bounds = sorted(cut.items())
    pieces = [(first + number * HOUR, start, end) for (number, start), (_, end) in pairwise(bounds) if start < end]
    return [(hour, start if number else begin, end) for number, (hour, start, end) in enumerate(pieces)]


def _range(source: KafkaSettings, place: Place, hour: datetime, held: Held, start: int, end: int, era: int) -> Range:
    planned = Range(
        source=source.name,
        arrival_hour=hour,
        topic=place.topic,
        topic_id=held.topic_id,
        partition=place.partition,
        era=era,
        start_offset=start,
        end_offset=end,
        state=PLANNED if start < end else COMPLETE,
    )
    return planned.seen(held)


def _stamped(one: Range, now: datetime, run_id: str) -> Range:
    if one.state == PLANNED:
        return replace(one, planned_at=now, run_id=run_id)
    return replace(one, planned_at=now, completed_at=now, run_id=run_id, records=0, tombstones=0, bytes=0)
