"""What a look at a source found, in one form for folders, buckets and topics: objects with versions."""

from dataclasses import dataclass

from llmops_assets.sources import ObjectRef


@dataclass(frozen=True)
class Listing:
    """The objects of a source.

    `unread` are to be read even if the lake has rows of them; `gaps` have no rows and will have none. `reach` begins
    the uris of which the listing says everything; None if it says nothing of what it leaves out.
    """

    refs: tuple[ObjectRef, ...]
    unread: frozenset[str] = frozenset()
    gaps: frozenset[str] = frozenset()
    reach: str | None = None
