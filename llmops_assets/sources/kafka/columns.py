"""Messages taken apart as they come: the columns of what they hold, so that no message is kept.

Belongs here: the only calls that are made for every single message. What the columns mean is `rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NEVER = -1
"""The stamp of a message that has no time."""


@dataclass
class Columns:
    """Messages of one range; the values are joined to few pieces, tombstones are only counted."""

    has_headers: bool
    content: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
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
        if self.has_headers:
            self.headers += map(Message.headers, messages)
