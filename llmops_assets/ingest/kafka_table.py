"""The recorded ranges of a Kafka source: the control table `kafka_snapshots`, read and amended.

A range is planned and committed before its rows and never derived again. Two planners cannot both extend from one
end: every amendment rewrites the newest recorded hour with what it adds, on the state that it was made from, so
that one of them wins whole. Which ranges to plan is `kafka_snapshots`' business.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from llmops_assets.duck import connect
from llmops_assets.lake import Lake, StaleWindow, rows_of_spec
from llmops_assets.sources.kafka import Held, Place, RangeRead, RangeRef
from llmops_assets.tables import KAFKA, KAFKA_SPEC
from llmops_assets.windows import HOUR, Window

PLANNED, COMPLETE, GAP = "planned", "complete", "gap accepted"
ATTEMPTS = 20


@dataclass(frozen=True)
class Range:
    """One row of the table."""

    source: str
    arrival_hour: datetime
    topic: str
    topic_id: str
    partition: int
    era: int
    start_offset: int
    end_offset: int
    state: str
    low_watermark: int | None = None
    high_watermark: int | None = None
    last_stable_offset: int | None = None
    leader_epoch: int | None = None
    records: int | None = None
    tombstones: int | None = None
    bytes: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    planned_at: datetime | None = None
    completed_at: datetime | None = None
    run_id: str | None = None
    reason: str | None = None
    accepted_by: str | None = None

    @property
    def place(self) -> Place:
        """The partition."""
        return Place(self.topic, self.partition)

    @property
    def uri(self) -> str:
        """The range as an object; a gap's name is one that no range has."""
        era = f"~{self.era}" if self.era else ""
        end = f"-{self.end_offset}#gap" if self.state == GAP else ""
        return f"kafka://{self.topic}/{self.partition}{era}@{self.start_offset}{end}"

    @property
    def version(self) -> str:
        """What the range is of, and for a gap who accepted it and why."""
        version = f"{self.topic_id}:{self.start_offset}-{self.end_offset}"
        return f"{version} gap accepted by {self.accepted_by}: {self.reason}" if self.state == GAP else version

    @property
    def is_object(self) -> bool:
        """Whether it has records to read or is a gap to show; an empty range only says where to go on."""
        return self.state == GAP or self.end_offset > self.start_offset

    def ref(self) -> RangeRef:
        """As an object of an arrival hour."""
        return RangeRef(
            uri=self.uri,
            key=self.uri,
            version=self.version,
            size=self.bytes or 0,
            last_modified=self.planned_at or self.arrival_hour,
            arrival_hour=self.arrival_hour,
            place=self.place,
            topic_id=self.topic_id,
            start=self.start_offset,
            end=self.end_offset,
        )

    def completed(self, read: RangeRead, at: datetime, run_id: str) -> "Range":
        """The same range after its rows are in the lake."""
        return replace(self, state=COMPLETE, completed_at=at, run_id=run_id, **asdict(read))

    def seen(self, held: Held) -> "Range":
        """The same range with what the partition held at planning."""
        return replace(
            self,
            low_watermark=held.low,
            high_watermark=held.high,
            last_stable_offset=held.stable,
            leader_epoch=held.leader_epoch,
        )


Pair = tuple[Range | None, Range | None]
"""A range that goes and one that comes in its place, or None."""


@dataclass(frozen=True)
class Book:
    """All recorded ranges of a source, as they were in one state of the table."""

    ranges: tuple[Range, ...]
    base: int | None

    @cached_property
    def heads(self) -> dict[Place, Range]:
        """The range behind which each partition goes on."""
        found: dict[Place, Range] = {}
        for one in sorted(self.ranges, key=lambda one: (one.era, one.end_offset, one.start_offset)):
            found[one.place] = one
        return found

    @property
    def planned(self) -> list[Range]:
        """Ranges whose rows may not be in the lake."""
        return [one for one in self.ranges if one.state == PLANNED]

    @property
    def last_hour(self) -> datetime | None:
        """The newest arrival hour with a range."""
        return max((one.arrival_hour for one in self.ranges), default=None)

    def after(self, pairs: Iterable[Pair]) -> "Book":
        """The book as it will be when the first of each pair has gone and the second has come."""
        exchanged = list(pairs)
        gone = {one for one, _ in exchanged if one is not None}
        come = [one for _, one in exchanged if one is not None]
        return Book((*(one for one in self.ranges if one not in gone), *come), self.base)

    def within(self, window: Window) -> list[Range]:
        """The ranges of some arrival hours."""
        return [one for one in self.ranges if one.arrival_hour in window]


def read_book(lake: Lake, source: str) -> Book:
    """The recorded ranges of a source now."""
    base = lake.current_snapshot(KAFKA)
    if base is None:
        return Book((), None)
    names = [field.name for field in fields(Range)]
    with connect() as connection:
        lake.mount(connection, {KAFKA: None}, snapshots={KAFKA: base})
        quoted = ", ".join(f'"{name}"' for name in names)
        rows = connection.execute(f"select {quoted} from lake.{KAFKA} where source = ? order by all", [source])
        return Book(tuple(_of_row(names, row) for row in rows.fetchall()), base)


def amend(lake: Lake, source: str, change: Callable[[Book], Sequence[Pair]]) -> Book:
    """Exchange recorded ranges; the book afterwards.

    `change` is asked again whenever another writer was first.
    """
    lake.ensure(KAFKA_SPEC)
    for _ in range(ATTEMPTS):
        book = read_book(lake, source)
        pairs = change(book)
        if not pairs:
            return book
        changed = [one for pair in pairs for one in pair if one is not None]
        try:
            _rewrite(lake, source, book, book.after(pairs).ranges, _span(book, changed))
        except StaleWindow:
            continue
        return read_book(lake, source)
    raise StaleWindow(f"{source}: other runs changed its recorded ranges {ATTEMPTS} times; run it again")


def _span(book: Book, changed: Iterable[Range]) -> Window | None:
    """The hours to rewrite, the newest recorded one always among them; all there are if there is none yet."""
    if book.last_hour is None:
        return None
    hours = [book.last_hour, *(one.arrival_hour for one in changed)]
    return Window(min(hours), max(hours) + HOUR)


def _rewrite(lake: Lake, source: str, book: Book, ranges: Iterable[Range], span: Window | None) -> None:
    rows = [asdict(one) for one in ranges if span is None or one.arrival_hour in span]
    with connect() as connection:
        connection.register("amended", rows_of_spec(KAFKA_SPEC, rows))
        lake.replace(KAFKA, span, connection, "amended", where={"source": source}, based_on=book.base)


def _of_row(names: Sequence[str], row: Sequence[Any]) -> Range:
    values: dict[str, Any] = {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in zip(names, row, strict=True)
    }
    return Range(**values)
