"""One family of replies: how its shape is known, what is read of it and what that means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmops_assets.formats.format import FIELDS, Structure


@dataclass(frozen=True)
class Family:
    """Replies of one shape, whoever sent them.

    `reads` names what is read of a reply, every leaf VARCHAR. `shape`, `steps` and `fields` are SQL over the
    struct `reply`: what `reads` names, and `reply.start`, the first usage of a stream. A stream's chunks are
    folded to one reply, of which every name has the last value that is known. The family with the lowest
    `rank` whose shape it is reads a reply. `steps` are computed once, and `fields` use them as `step.<name>`.
    `fields` gives those fields of the format module that are particular to the family, and
    `shape_provider`: who serves this shape, if the shape tells.
    """

    name: str
    rank: int
    shape: str
    reads: Structure
    fields: Mapping[str, str]
    steps: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(self.fields.keys() - FIELDS.keys() - {"shape_provider"})
        if unknown:
            raise ValueError(f"replies of {self.name}: no such fields: {', '.join(unknown)}; see format.FIELDS")
