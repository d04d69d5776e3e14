"""Objects that files and notifications name, beside those that a listing finds or instead of them.

Belongs here: which of the files are read, which of the named keys are the source's, and looking at those
that are new. What such a file looks like is `naming`; notifications are kept by `ingest`.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.content import Content
from llmops_assets.sources.errors import CorruptStream, ObjectError, SourceError
from llmops_assets.sources.layout import Layout
from llmops_assets.sources.listing import is_data, ref_of
from llmops_assets.sources.naming import Name, names_in
from llmops_assets.sources.objects import Entry, ObjectRef, Store
from llmops_assets.sources.stores import store_of
from llmops_assets.windows import hour_of

# A file may be written before the hours of the objects that it names are over, by a clock of its own.
AHEAD = timedelta(days=1)
READ_AT_ONCE = 32
UNKNOWN = "modified:unknown"


def named_objects(
    source: SourceSettings,
    store: Store,
    since: datetime | None,
    versions: Mapping[str, str],
    known: Mapping[str, datetime],
    told: Iterable[tuple[datetime, Name]] = (),
) -> Iterator[ObjectRef]:
    """Objects that files changed `since` name, or that were `told` of, and that are not known in the version named.

    A key that is not there is left out. One that cannot be looked at is given out, so that reading it fails.

    Raises:
        SourceError: a file cannot be read, or has a line that names nothing.
    """
    layout = Layout.parse(source.layout, source.name) if source.layout is not None else None
    named = _told(store, told, versions) | _named_since(source, store, since, versions)
    with ThreadPoolExecutor(max(store.concurrency, 2), thread_name_prefix="look") as pool:
        for entry in pool.map(partial(_look, store), named, named.values()):
            if entry is not None and is_data(entry):
                yield ref_of(store, layout, entry, known)


def _told(store: Store, told: Iterable[tuple[datetime, Name]], versions: Mapping[str, str]) -> dict[str, datetime]:
    return {key: at for at, name in told if (key := _key(store, name, versions)) is not None}


def _named_since(
    source: SourceSettings, store: Store, since: datetime | None, versions: Mapping[str, str]
) -> dict[str, datetime]:
    """Keys that are not known as they are named, each with the time of the file that names it."""
    keys: dict[str, datetime] = {}
    for file, names in _names(source, since):
        for name in names:
            key = _key(store, name, versions)
            if key is not None:
                keys.setdefault(key, file.last_modified)
    return keys


def _names(source: SourceSettings, since: datetime | None) -> Iterator[tuple[ObjectRef, Iterator[Name]]]:
    if source.manifest is None:
        return
    store = store_of(source, source.manifest)
    files = [
        ref_of(store, None, entry, {})
        for entry in store.walk("")
        if is_data(entry)
        and not entry.key.endswith(("manifest.json", "manifest.checksum"))  # of an S3 inventory, about its files
        and (since is None or entry.last_modified >= hour_of(since) - AHEAD)
    ]
    with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="manifest") as pool:
        for file, content in zip(files, pool.map(partial(_content, store), files), strict=True):
            yield file, names_in(file.uri, content)


def _content(store: Store, file: ObjectRef) -> bytes:
    try:
        return b"".join(Content(store.stream(file)))
    except CorruptStream as error:
        raise SourceError(f"{file.uri}: {error}; write such a file whole, under a name that ends in .tmp") from None


def _key(store: Store, name: Name, versions: Mapping[str, str]) -> str | None:
    """The key that is meant, or None if it is not below the source's uri or is known in that version."""
    home = store.uri("")
    key = name.key.removeprefix(home)
    is_below = key.startswith(store.root) and not key.startswith("/") and ".." not in key.split("/")
    is_folder = home.startswith("file://")  # where a notification's bucket means nothing
    if not is_below or not (is_folder or name.bucket in (None, home.split("/")[2])):
        return None
    held = versions.get(store.uri(key))
    return key if held is None or name.version not in (None, held) else None


def _look(store: Store, key: str, named_at: datetime) -> Entry | None:
    try:
        return store.look(key)
    except ObjectError:
        return Entry(key, UNKNOWN, 1, named_at)
