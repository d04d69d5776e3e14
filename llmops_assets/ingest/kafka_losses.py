"""What topics no longer have of what was to be read, and what of it is in the lake all the same.

A run that died between its rows and their completion leaves a planned range whose rows are there. It is read again
if it can be; if it cannot, it is complete as it is, and nothing of it is lost.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from llmops_assets.ingest.kafka_table import COMPLETE, GAP, Book, Pair, Range
from llmops_assets.kafka_settings import KafkaSettings, is_of_notifications
from llmops_assets.lake import Lake
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka import Cluster, Held, Place
from llmops_assets.sources.kafka.epochs import ReadTo, first_rewritten
from llmops_assets.sources.kafka.gaps import Missing, missing
from llmops_assets.tables import NAMED, RAW
from llmops_assets.windows import HOUR, Window


def hold(cluster: Cluster, book: Book) -> dict[Place, Held]:
    """What the source's topics hold now, and from where on they hold other records than were read."""
    held = cluster.hold(cluster.topics())
    read = {
        place: ReadTo(head.leader_epoch, head.end_offset)
        for place, head in book.heads.items()
        if head.leader_epoch is not None and place in held and held[place].topic_id == head.topic_id
    }
    rewritten = first_rewritten(cluster.source, held, read)
    return held | {place: replace(held[place], rewritten_from=at) for place, at in rewritten.items()}


def losses(book: Book, held: Mapping[Place, Held]) -> list[Missing]:
    """Everything that was not read and is lost, of the topics looked at."""
    return [one for place in sorted(book.heads) for one in losses_at(book, place, held)]


def losses_at(book: Book, place: Place, held: Mapping[Place, Held]) -> list[Missing]:
    """What one partition lost of what was planned and not read, or lies behind that; adjoining pieces as one."""
    head, ids = book.heads[place], {one.topic: state.topic_id for one, state in held.items()}
    if place.topic not in ids:
        return []
    planned = sorted((one for one in book.planned if one.place == place), key=lambda one: one.start_offset)
    start = planned[0].start_offset if planned else head.end_offset
    if place not in held:
        if head.state == GAP and head.topic_id == ids[place.topic]:
            return []
        return [Missing(place, start, 0, "the topic was created again with fewer partitions", is_new_era=True)]
    whole = missing(place, held[place], head.topic_id, start, head.end_offset)
    if whole is not None and whole.is_new_era:
        return [whole]
    spans = [*((one.start_offset, one.end_offset) for one in planned), (head.end_offset, None)]
    pieces = (missing(place, held[place], head.topic_id, *span) for span in spans)
    return _joined([one for one in pieces if one is not None])


def _joined(pieces: list[Missing]) -> list[Missing]:
    found: list[Missing] = []
    for one in pieces:
        if found and found[-1].end == one.start:
            why = f"offsets [{found[-1].start}, {one.end}) {one.why.partition(') ')[2]}"
            found[-1] = replace(found[-1], end=one.end, why=why)
        else:
            found.append(one)
    return found


def refuse_gone(book: Book, source: KafkaSettings, held: Mapping[Place, Held]) -> None:
    """A pattern does not say which topics there should be: the recorded ones are."""
    there, pattern = {place.topic for place in held}, source.topics_pattern
    gone = sorted({place.topic for place in book.heads} - there)
    if lost := [topic for topic in gone if pattern is not None and re.fullmatch(pattern, topic)]:
        raise SourceError(
            f"source {source.name}: topic {', '.join(lost)} was read before and no longer exists; create it again, or "
            "leave it out of topics_pattern"
        )


def is_lost(held: Mapping[Place, Held]) -> Callable[[Range], bool]:
    """Whether a range cannot be read again, as far as the topics looked at say."""

    def lost(one: Range) -> bool:
        there = held.get(one.place)
        return there is None or missing(one.place, there, one.topic_id, one.start_offset, one.end_offset) is not None

    return lost


def settled(lake: Lake, book: Book, wanted: Callable[[Range], bool]) -> list[Pair]:
    """The planned ranges `wanted` whose rows are in the lake, as complete: commits take in whole ranges.

    What only a read would tell, tombstones and bytes, stays unknown.
    """
    planned = {(one.uri, one.version): one for one in book.planned if wanted(one)}
    table = NAMED if any(is_of_notifications(one.source) for one in planned.values()) else RAW
    if not planned or not lake.exists(table):
        return []
    hours = [one.arrival_hour for one in planned.values()]
    with lake.reader({table: Window(min(hours), max(hours) + HOUR)}) as connection:
        rows = connection.execute(
            "select uri, version, count(distinct record_offset), min(arrived_at), max(arrived_at) "
            f"from lake.{table} where source = ? group by all order by all",
            [book.planned[0].source],
        ).fetchall()
    return [
        (one, _complete(one, records, first, last))
        for uri, version, records, first, last in rows
        if (one := planned.get((uri, version))) is not None
    ]


def _complete(one: Range, records: int, first: datetime, last: datetime) -> Range:
    return replace(
        one,
        state=COMPLETE,
        records=records,
        first_timestamp=first.astimezone(UTC),
        last_timestamp=last.astimezone(UTC),
        completed_at=datetime.now(UTC),
    )
