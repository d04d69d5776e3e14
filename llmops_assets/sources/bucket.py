"""A bucket as a store, through obstore.

A version is the ETag; every request for data carries it, so that an object overwritten after listing is
noticed whatever its size. Big objects are read by ranges: a request then never waits for the decoder, which
would outlast any sensible timeout; in a versioned bucket all of them ask for the version of the first. Keys that
obstore cannot hold are left to `any_keys`, where the store has it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from llmops_assets.sources.any_keys import CURE, AnyKeys, is_odd
from llmops_assets.sources.errors import ObjectChanged, ObjectGone, ObjectUnreadable, SourceError
from llmops_assets.sources.objects import Entry, ObjectRef

RANGE_BYTES = 8 * 2**20
RANGES_AHEAD = 3
_UNTAGGED = "modified:"
_T = TypeVar("_T")


class Bucket:
    """The objects below a prefix of a bucket; keys are whole keys of the bucket. `home` is such as s3://bucket."""

    concurrency = 64

    def __init__(
        self,
        source: str,
        home: str,
        prefix: str,
        inner: Any,
        redact: Callable[[str], str],
        any_keys: AnyKeys | None = None,
    ) -> None:
        self.source = source
        self.home = home
        self.root = f"{prefix}/" if prefix else ""
        self._inner = inner
        self._redact = redact
        self._any_keys = any_keys

    def __repr__(self) -> str:
        return f"Bucket({self.uri(self.root)!r})"

    def uri(self, key: str) -> str:
        """s3://bucket/key, verbatim."""
        return f"{self.home}/{key}"

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """The folders and objects right below `prefix`: one listing with a delimiter."""
        folder = (self.root + prefix).rstrip("/")
        if self._any_keys is not None and is_odd(self.root + prefix):
            return self._level_of_any(self._any_keys, prefix)
        try:
            found = self._listing(lambda: obstore.list_with_delimiter(self._inner, folder or None))
        except InvalidPathError as error:
            return self._level_of_any(self._other(error), prefix)
        below = [f"{path.removeprefix(self.root)}/" for path in found["common_prefixes"]]
        return below, list(self._entries(found["objects"]))

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every object below `prefix`."""
        folder, last = (self.root + prefix).rstrip("/"), ""
        if self._any_keys is not None and is_odd(self.root + prefix):
            yield from self._any_keys.walk(self.root + prefix)
            return
        pages = iter(obstore.list(self._inner, folder or None, chunk_size=1000))
        try:
            while (page := self._listing(lambda: next(pages, None))) is not None:
                yield from self._entries(page)
                last = page[-1]["path"] if page else last
        except InvalidPathError as error:
            yield from self._other(error).walk(self.root + prefix, last)

    def look(self, key: str) -> Entry | None:
        """The object as it is now."""
        if is_odd(key):
            return self._of_odd(key).look(key, self.uri(key))
        try:
            return _entry(obstore.head(self._inner, key))
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise ObjectUnreadable(self.source, self.uri(key), self._text(error)) from None

    def fetch(self, ref: ObjectRef) -> bytes:
        """The whole object."""
        return self._get(ref, {})[0] if ref.size else b""

    def put(self, key: str, file: Path) -> None:
        """Store a file under `key`, a whole key of the bucket; a large one goes up in parts."""
        try:
            obstore.put(self._inner, key, file)
        except (BaseError, FileNotFoundError) as error:
            where = self.uri(key)
            raise SourceError(f"source {self.source}: cannot write {where}: {self._text(error)}") from None

    def stream(self, ref: ObjectRef) -> Iterator[bytes]:
        """The object by ranges, some of them fetched ahead."""
        spans = [(start, min(start + RANGE_BYTES, ref.size)) for start in range(0, ref.size, RANGE_BYTES)]
        if not spans:
            return
        first, version = self._get(ref, {"range": spans[0]})
        pinned = {"version": version} if version else {}
        yield from self._ahead(ref, spans[1:], pinned, first)

    def _ahead(
        self, ref: ObjectRef, spans: list[tuple[int, int]], pinned: dict[str, Any], first: bytes
    ) -> Iterator[bytes]:
        with ThreadPoolExecutor(RANGES_AHEAD, thread_name_prefix="range") as pool:
            ahead: deque[Future[tuple[bytes, str | None]]] = deque()
            todo = iter(spans)
            chunk: bytes | None = first
            while chunk is not None:
                while len(ahead) < RANGES_AHEAD and (span := next(todo, None)) is not None:
                    ahead.append(pool.submit(self._get, ref, pinned | {"range": span}))
                yield chunk
                chunk = ahead.popleft().result()[0] if ahead else None

    def _get(self, ref: ObjectRef, options: dict[str, Any]) -> tuple[bytes, str | None]:
        """Bytes of the listed version, and its id in a versioned bucket."""
        # A weak tag or none cannot be a condition: If-Match compares strongly, RFC 9110 §13.1.1.
        condition = {} if ref.version.startswith(("W/", _UNTAGGED)) else {"if_match": f'"{ref.version}"'}
        if is_odd(ref.key):
            return self._of_odd(ref.key).get(ref, options, condition)
        try:
            everything: Any = options | condition
            got = obstore.get(self._inner, ref.key, options=everything)
            if _version(got.meta) != ref.version:
                raise ObjectChanged(ref.uri)
            return bytes(got.bytes()), got.meta["version"]
        except PreconditionError:
            raise ObjectChanged(ref.uri) from None
        except FileNotFoundError:
            raise ObjectGone(ref.uri) from None
        except BaseError as error:
            raise ObjectUnreadable(self.source, ref.uri, self._text(error)) from None

    def _level_of_any(self, keys: AnyKeys, prefix: str) -> tuple[list[str], list[Entry]]:
        folders, entries = keys.level(self.root + prefix)
        return [one.removeprefix(self.root) for one in folders], entries

    def _of_odd(self, key: str) -> AnyKeys:
        if self._any_keys is None:
            raise ObjectUnreadable(self.source, self.uri(key), CURE)
        return self._any_keys

    def _other(self, error: InvalidPathError) -> AnyKeys:
        """The way around a listing that met a key which obstore cannot hold."""
        if self._any_keys is None:
            self._refuse(error)
        return self._any_keys

    def _entries(self, metas: Any) -> Iterator[Entry]:
        for meta in metas:
            if meta["size"] or not self._is_marker(meta["path"]):
                yield _entry(meta)

    def _is_marker(self, key: str) -> bool:
        """True for an empty object `key/`: obstore lists it without its slash, under which nothing is found."""
        if f"{key}/" == self.root:
            return True
        try:
            return self.look(key) is None
        except ObjectUnreadable:  # it is there, and has nothing that could be missed
            return False

    def _listing(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except InvalidPathError:
            raise
        except (BaseError, FileNotFoundError) as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> NoReturn:
        text = self._text(error)
        cure = "check endpoint, region and that the keys may list and read it"
        if "NoSuchBucket" in text:
            cure = "the bucket does not exist there: create it, or correct uri, endpoint or region"
        elif isinstance(error, InvalidPathError):
            cure = CURE
        where = self.uri(self.root)
        raise SourceError(f"source {self.source}: cannot list {where}: {cure} ({text})") from None

    def _text(self, error: Exception) -> str:
        """What the server said, without obstore's debug dump and without secrets."""
        first = str(error).partition("\n\nDebug source")[0]
        return self._redact(" ".join(first.split()))[:600]


def _entry(meta: Any) -> Entry:
    return Entry(meta["path"], _version(meta), meta["size"], meta["last_modified"])


def _version(meta: Any) -> str:
    """The ETag without the quotes of a strong one; for a server that has none, time and size.

    The id of a version is no part of it: listings do not tell it.
    """
    etag = meta["e_tag"]
    if not etag:
        return f"{_UNTAGGED}{meta['last_modified'].isoformat()}-{meta['size']}"
    return str(etag).strip('"') if str(etag).startswith('"') else str(etag)
