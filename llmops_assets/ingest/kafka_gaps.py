"""Accepting that records are lost: the one way past a gap, with a reason and a person.

Only what is really missing, or planned and not read, can be accepted: rows that are in the lake and records that
the next snapshot will read are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from llmops_assets.ingest.kafka_losses import hold, losses_at, settled
from llmops_assets.ingest.kafka_table import GAP, Book, Pair, Range, amend
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka import Cluster, Held, Place
from llmops_assets.sources.kafka.gaps import Missing
from llmops_assets.windows import hour_of


@dataclass(frozen=True)
class Acceptance:
    """Someone's word that reading goes on at `end` although `[start, end)` was not read."""

    place: Place
    start: int
    end: int
    reason: str
    by: str
    at: datetime

    def of(self, one: Range, start: int, end: int) -> Range:
        """The gap `[start, end)` in the life of the topic that `one` is of."""
        return replace(
            one, start_offset=start, end_offset=end, state=GAP, reason=self.reason, accepted_by=self.by,
            completed_at=self.at, records=None, tombstones=None, bytes=None, first_timestamp=None, last_timestamp=None,
        )  # fmt: skip


def accept_gap(lake: Lake, source: KafkaSettings, accepted: Acceptance) -> list[Range]:
    """Record a gap; the rows that say so. Accepting it twice changes nothing.

    Raises:
        SourceError: nothing is missing there; the message says what is.
    """
    cluster = Cluster(source)

    def change(book: Book) -> list[Pair]:
        done = settled(lake, book, lambda one: one.place == accepted.place)  # what is in the lake is not lost
        return [*done, *_change(book.after(done), source, accepted, hold(cluster, book))]

    book = amend(lake, source.name, change)
    return [one for one in book.ranges if one.state == GAP and one.place == accepted.place]


def _is_recorded(book: Book, accepted: Acceptance) -> bool:
    same = (accepted.place, accepted.start, accepted.end)
    return any(one.state == GAP and (one.place, one.start_offset, one.end_offset) == same for one in book.ranges)


def _change(book: Book, source: KafkaSettings, accepted: Acceptance, held: Mapping[Place, Held]) -> list[Pair]:
    head = book.heads.get(accepted.place)
    if head is None:
        raise SourceError(f"source {source.name}: {accepted.place} was never read; its next snapshot begins it")
    lost = losses_at(book, accepted.place, held)
    if lost and lost[0].is_new_era:
        return _new_era(book, source, accepted, lost, held)
    if _is_recorded(book, accepted):
        return []
    if accepted.place not in held:
        raise SourceError(f"source {source.name}: {accepted.place} is not one of its topics now; see topics")
    planned = [one for one in book.planned if one.place == accepted.place]
    pairs = [pair for one in planned for pair in _split(one, accepted)]
    beyond = max(accepted.start, head.end_offset)
    if accepted.end > beyond:
        pairs.append((None, accepted.of(_now(head, book, accepted), beyond, accepted.end)))
    will_be_read = accepted.end > max(head.end_offset, held[accepted.place].low)
    if not pairs or will_be_read or not _is_whole(accepted, planned, head):
        raise SourceError(f"source {source.name}: {_refusal(accepted, book, lost, held)}")
    return pairs


def _is_whole(accepted: Acceptance, planned: list[Range], head: Range) -> bool:
    """Whether all that was accepted is unread: planned, or behind the recorded end."""
    unread = sum(
        max(0, min(one.end_offset, accepted.end) - max(one.start_offset, accepted.start)) for one in planned
    ) + max(0, accepted.end - max(accepted.start, head.end_offset))
    return (
        accepted.start < accepted.end and accepted.start <= head.end_offset and unread == accepted.end - accepted.start
    )


def _split(one: Range, accepted: Acceptance) -> list[Pair]:
    """A planned range without what was accepted of it."""
    start, end = max(one.start_offset, accepted.start), min(one.end_offset, accepted.end)
    if start >= end:
        return []
    pieces = [replace(one, end_offset=start), replace(one, start_offset=end)]
    rest = [piece for piece in pieces if piece.start_offset < piece.end_offset]
    return [(one, accepted.of(one, start, end)), *((None, piece) for piece in rest)]


def _new_era(
    book: Book, source: KafkaSettings, accepted: Acceptance, lost: list[Missing], held: Mapping[Place, Held]
) -> list[Pair]:
    """The next life of a topic; what was planned of the old one is lost with it."""
    head = book.heads[accepted.place]
    start, end = lost[0].start, lost[0].end
    if (accepted.start, accepted.end) != (start, end):
        raise SourceError(f"source {source.name}: {_refusal(accepted, book, lost, held)}")
    topic_id = next(one.topic_id for place, one in held.items() if place.topic == accepted.place.topic)
    pairs: list[Pair] = [
        (one, accepted.of(one, one.start_offset, one.end_offset)) for one in book.planned if one.place == accepted.place
    ]
    begun = replace(_now(head, book, accepted), era=head.era + 1, topic_id=topic_id)
    there = held.get(accepted.place)
    return [*pairs, (None, accepted.of(begun.seen(there) if there else begun, start, end))]


def _now(head: Range, book: Book, accepted: Acceptance) -> Range:
    """A range of this partition in the hour of the acceptance."""
    return replace(
        head, arrival_hour=max(hour_of(accepted.at), book.last_hour or head.arrival_hour), planned_at=accepted.at
    )


def _refusal(accepted: Acceptance, book: Book, lost: list[Missing], held: Mapping[Place, Held]) -> str:
    there, head = held.get(accepted.place), book.heads[accepted.place]
    holds = f"holds [{there.low}, {there.high})" if there else "is not there now"
    missing = "; ".join(f"missing is {one.start} to {one.end}: {one.why}" for one in lost) or "nothing is missing"
    planned = [f"{one.start_offset} to {one.end_offset}" for one in book.planned if one.place == accepted.place]
    unread = f"planned and not in the lake is {', '.join(planned)}; " if planned else ""
    return (
        f"{accepted.place}: {accepted.start} to {accepted.end} is no gap; it was read or planned to {head.end_offset} "
        f"and {holds}; {unread}{missing}"
    )
