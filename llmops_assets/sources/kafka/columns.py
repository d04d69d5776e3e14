"""Messages taken apart as they come: the columns of what they hold, so that no message is kept.

Belongs here: the only calls that are made for every single message. What the columns mean is `rows`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

NEVER = -1
"""The stamp of a message that has no time."""


@dataclass
class Columns:
    """Messages of one range; the values are joined to few pieces, tombstones are only counted."""

    wanted: frozenset[str]
    """The headers that are kept."""
    content: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    header_counts: list[int] = field(default_factory=list)
    header_names: list[str] = field(default_factory=list)
    header_values: list[bytes | None] = field(default_factory=list)
    bytes: int = 0
    stamps_of_tombstones: list[int] = field(default_factory=list)

    def add(self, messages: Sequence[Any], offsets: Sequence[int]) -> None:
        """Take messages in, whose offsets are known."""
        from confluent_kafka import Message

        # A method mapped over messages costs half of a comprehension that looks it up for each.
        values: list[Any] = list(map(Message.value, messages))
        stamps = [at if kind else NEVER for kind, at in map(Message.timestamp, messages)]
        if None in values:
            self.stamps_of_tombstones += [at for at, value in zip(stamps, values, strict=True) if value is None]
            held = [place for place, value in enumerate(values) if value is not None]
            messages, offsets = [messages[place] for place in held], [offsets[place] for place in held]
            values, stamps = [values[place] for place in held], [stamps[place] for place in held]
        content = b"".join(values)
        self.content.append(content)
        self.bytes += len(content)
        self.lengths += map(len, values)
        self.offsets += offsets
        self.stamps += stamps
        self.keys += map(Message.key, messages)
        if self.wanted:
            self._add_headers(map(Message.headers, messages))

    def _add_headers(self, headers: Iterable[Any]) -> None:
        """The last value of each wanted header, by name; no list for each message, which Python would look through."""
        for of_one in headers:
            found = {name: value for name, value in of_one or () if name in self.wanted and value is not None}
            names = sorted(found)
            self.header_counts.append(len(names))
            self.header_names += names
            self.header_values += [found[name] for name in names]
