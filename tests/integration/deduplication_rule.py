"""The rule of one event from many records, told in plain Python over all records at once, without windows.

The models' SQL must give the same for any window. Nothing here is taken from it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from llmops_assets.windows import hour_of

MARGIN = timedelta(minutes=5)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Record:
    """A raw record, as far as the rule looks at it."""

    event_id: str
    event_time: datetime
    tenant_id: str | None
    tokens_input: int | None
    tokens_output: int | None
    tags: tuple[tuple[str, str], ...] | None
    source: str
    uri: str
    line: int
    record_index: int | None
    arrived_at: datetime

    @property
    def position(self) -> Row:
        return (self.source, self.uri, self.line, self.record_index)

    @property
    def order(self) -> Row:
        return (
            self.event_time,
            self.source,
            self.uri,
            self.line,
            -1 if self.record_index is None else self.record_index,
        )

    @property
    def content(self) -> Row:
        tags = None if self.tags is None else tuple(sorted(self.tags))
        return (self.event_time, self.tenant_id, self.tokens_input, self.tokens_output, tags)

    @property
    def known_meters(self) -> int:
        return (self.tokens_input is not None) + (self.tokens_output is not None)

    def agrees(self, other: "Record") -> bool:
        return self.tenant_id is None or other.tenant_id is None or self.tenant_id == other.tenant_id


def in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=repr)


@dataclass(frozen=True)
class Told:
    """What the rule makes of one record."""

    record: Record
    role: str
    head: Record | None
    predecessor: Record | None


def told(records: Sequence[Record]) -> list[Told]:
    """The rule, of all records at once and without windows."""
    return [one for event_id in {record.event_id for record in records} for one in _of_id(event_id, records)]


def _of_id(event_id: str, records: Sequence[Record]) -> list[Told]:
    found: list[Told] = []
    for record in sorted((one for one in records if one.event_id == event_id), key=lambda one: one.order):
        earlier = [one.record for one in found]
        if _is_head([one for one in earlier if record.event_time - one.event_time <= MARGIN], record):
            found.append(Told(record, "head", record, None))
            continue
        predecessor = [one for one in earlier if one.agrees(record)][-1]
        heads = [one.record for one in found if one.role == "head" and one.record.agrees(record)]
        role = "exact_duplicate" if record.content == predecessor.content else "conflict"
        found.append(Told(record, role, heads[-1] if heads else None, predecessor))
    return found


def _is_head(near: Sequence[Record], record: Record) -> bool:
    tenants = {one.tenant_id for one in near}
    if record.tenant_id is None or record.tenant_id in tenants:
        return not near
    return not near or tenants != {None}


def members(all_told: Sequence[Told], head: Record) -> list[Told]:
    return [one for one in all_told if one.head is head and one.record.event_time <= head.event_time + MARGIN]


def events(all_told: Sequence[Told]) -> list[Row]:
    return in_order([_event(one.record, members(all_told, one.record)) for one in all_told if one.role == "head"])


def _event(head: Record, members: Sequence[Told]) -> Row:
    fullest = min((one.record for one in members), key=lambda one: (-one.known_meters, one.arrived_at, one.order[1:]))
    flags = ["conflicting_duplicate"] if any(one.role == "conflict" for one in members) else []
    known = (fullest.tenant_id, fullest.tokens_input, fullest.tokens_output)
    return (head.event_id, head.event_time, *fullest.position, *known, len(members), flags)


def conflicts(all_told: Sequence[Told]) -> list[Row]:
    return in_order(
        [
            (one.record.event_id, one.record.event_time, *one.record.position, *one.predecessor.position)
            for one in all_told
            if one.role == "conflict" and one.predecessor is not None
        ]
    )


def conservation(all_told: Sequence[Told]) -> list[Row]:
    counts: dict[tuple[datetime, str], Counter[str]] = {}
    for one in all_told:
        counts.setdefault((hour_of(one.record.event_time), one.record.source), Counter())[one.role] += 1
    return in_order([(*key, n.total(), n["head"], n["exact_duplicate"], n["conflict"]) for key, n in counts.items()])
