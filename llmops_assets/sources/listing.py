"""Which objects a source holds, and the arrival hour of each.

Belongs here: walking folders, leaving out what a layout says cannot matter, and skipping files that are
not data yet. Does not belong here: what is new (ingest decides), or reading.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.layout import Layout, Pruning
from llmops_assets.sources.objects import Entry, ObjectRef, Store
from llmops_assets.windows import Window, hour_of

# What Bedrock's invocation logs hold beside the logs: bodies too long for a line, and a mark of its own.
_NO_LOG = re.compile(
    r"BedrockModelInvocationLogs/(.*/)?data/|(^|/)data/[^/]+_(input|output)\.json(\.gz)?$"
    r"|(^|/)amazon-bedrock-logs-permission-check[^/]*$"
)


def list_objects(
    source: SourceSettings, store: Store, window: Window | None, known: Mapping[str, datetime]
) -> Iterator[ObjectRef]:
    """The objects whose arrival hour lies in `window` (None: all of them).

    The arrival hour is `known[uri]` for a key seen before, else the hour in the key's prefix, else the hour
    of last-modified. With a layout, dated folders outside the window are not even listed.

    Raises:
        SourceError: the layout is no hour prefix, or the folder or bucket cannot be listed.
    """
    layout = Layout.parse(source.layout, source.name) if source.layout is not None else None
    for entry in _entries(store, layout, window, known):
        if is_data(entry):
            ref = ref_of(store, layout, entry, known)
            if window is None or ref.arrival_hour in window:
                yield ref


def _entries(
    store: Store, layout: Layout | None, window: Window | None, known: Mapping[str, datetime]
) -> Iterator[Entry]:
    if layout is None or window is None:
        return store.walk("")
    moved = _moved(store, layout, window, known)
    return _descend(store, layout.prune(window), moved, "")


def _descend(store: Store, pruning: Pruning, moved: frozenset[str], prefix: str) -> Iterator[Entry]:
    folders, entries = store.level(prefix)
    yield from entries
    for folder in folders:
        if folder in moved or pruning.is_stray(folder):
            yield from store.walk(folder)
        elif pruning.skips(folder):
            continue
        elif pruning.is_whole_hour(folder):
            yield from store.walk(folder)
        else:
            yield from _descend(store, pruning, moved, folder)


def _moved(store: Store, layout: Layout, window: Window, known: Mapping[str, datetime]) -> frozenset[str]:
    """Folders outside the window with keys that belong to it: they were first seen under another layout."""
    start = store.uri(store.root)
    inside = (uri.removeprefix(start) for uri, hour in known.items() if hour in window and uri.startswith(start))
    strangers = (path for path in inside if (hour := layout.hour(path)) is not None and hour not in window)
    return frozenset(folder for path in strangers for folder in _parents(path))


def _parents(path: str) -> list[str]:
    return [path[: at + 1] for at, character in enumerate(path) if character == "/"]


def is_data(entry: Entry) -> bool:
    """False for directory markers, files that a writer has not finished or hides, and bodies beside a log."""
    name = entry.key.rpartition("/")[2]
    is_hidden = name == "" or name.startswith(("_", ".")) or name.endswith(".tmp")
    return not is_hidden and _NO_LOG.search(entry.key) is None


def ref_of(store: Store, layout: Layout | None, entry: Entry, known: Mapping[str, datetime]) -> ObjectRef:
    """An entry with its uri and its arrival hour."""
    uri = store.uri(entry.key)
    dated = layout.hour(entry.key.removeprefix(store.root)) if layout is not None else None
    return ObjectRef(
        uri=uri,
        key=entry.key,
        version=entry.version,
        size=entry.size,
        last_modified=entry.last_modified,
        arrival_hour=known.get(uri) or dated or hour_of(entry.last_modified),
    )
