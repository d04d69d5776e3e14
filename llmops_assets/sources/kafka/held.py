"""What a partition of a topic holds at a moment, as plain data."""

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"topic {self.topic} partition {self.partition}"


@dataclass(frozen=True)
class Held:
    """The offsets `[low, stable)` can be read; those up to `high` wait for a transaction to end.

    `topic_id` is the only thing that tells a topic from a later one of its name. `rewritten_from` is the first offset
    that had another record when it was read, if there is one.
    """

    topic_id: str
    low: int
    stable: int
    high: int
    leader_epoch: int | None = None
    rewritten_from: int | None = None
