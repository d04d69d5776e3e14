"""Where raw records come from: folders and buckets, listed by arrival hour and read as lines.

`store_of` opens a source, `list_objects` says what it holds, `read_batches` gives the records as text with
their positions. What a record means is `formats`; what is new is `ingest`.
"""

from llmops_assets.sources.batches import Failed, read_batches
from llmops_assets.sources.errors import ObjectChanged, ObjectError, ObjectGone, ObjectUnreadable, SourceError
from llmops_assets.sources.listing import list_objects
from llmops_assets.sources.manifest import named_objects
from llmops_assets.sources.objects import LINES_SCHEMA, Batch, ObjectRead, ObjectRef, Store
from llmops_assets.sources.stores import store_of

__all__ = [
    "LINES_SCHEMA",
    "Batch",
    "Failed",
    "ObjectChanged",
    "ObjectError",
    "ObjectGone",
    "ObjectRead",
    "ObjectRef",
    "ObjectUnreadable",
    "SourceError",
    "Store",
    "list_objects",
    "named_objects",
    "read_batches",
    "store_of",
]
