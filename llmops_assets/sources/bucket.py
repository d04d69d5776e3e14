"""An S3 bucket as a store, through obstore.

A version is the ETag; every request for data carries it, so that an object overwritten after listing is
noticed whatever its size. Big objects are read by ranges: a request then never waits for the decoder, which
would outlast any sensible timeout.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.credentials import Signer, signer_of
from llmops_assets.sources.errors import ObjectChanged, ObjectGone, SourceError
from llmops_assets.sources.objects import Entry, ObjectRef

RANGE_BYTES = 8 * 2**20
RANGES_AHEAD = 3
_UNTAGGED = "modified:"
_T = TypeVar("_T")


class Bucket:
    """The objects below a prefix of a bucket; keys are whole keys of the bucket."""

    concurrency = 64

    def __init__(self, source: str, bucket: str, prefix: str, inner: Any, signer: Signer) -> None:
        self.source = source
        self.bucket = bucket
        self.root = f"{prefix}/" if prefix else ""
        self._inner = inner
        self._signer = signer

    def __repr__(self) -> str:
        return f"Bucket({self.uri(self.root)!r})"

    def uri(self, key: str) -> str:
        """s3://bucket/key, verbatim."""
        return f"s3://{self.bucket}/{key}"

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """The folders and objects right below `prefix`: one listing with a delimiter."""
        folder = (self.root + prefix).rstrip("/")
        found = self._listing(lambda: obstore.list_with_delimiter(self._inner, folder or None))
        below = [f"{path.removeprefix(self.root)}/" for path in found["common_prefixes"]]
        return below, list(self._entries(found["objects"]))

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every object below `prefix`."""
        folder = (self.root + prefix).rstrip("/")
        pages = iter(obstore.list(self._inner, folder or None, chunk_size=1000))
        while (page := self._listing(lambda: next(pages, None))) is not None:
            yield from self._entries(page)

    def fetch(self, ref: ObjectRef) -> bytes:
        """The whole object."""
        return self._get(ref, {}) if ref.size else b""

    def stream(self, ref: ObjectRef) -> Iterator[bytes]:
        """The object by ranges, some of them fetched ahead."""
        starts = range(0, ref.size, RANGE_BYTES)
        with ThreadPoolExecutor(RANGES_AHEAD, thread_name_prefix="range") as pool:
            ahead: deque[Future[bytes]] = deque()
            for start in starts:
                if len(ahead) == RANGES_AHEAD:
                    yield ahead.popleft().result()
                end = min(start + RANGE_BYTES, ref.size)
                ahead.append(pool.submit(self._get, ref, {"range": (start, end)}))
            while ahead:
                yield ahead.popleft().result()

    def put(self, key: str, file: Path) -> None:
        """Store a file under `key`, a whole key of the bucket; a large one goes up in parts."""
        try:
            obstore.put(self._inner, key, file)
        except (BaseError, FileNotFoundError) as error:
            where = self.uri(key)
            raise SourceError(f"source {self.source}: cannot write {where}: {self._text(error)}") from None

    def _get(self, ref: ObjectRef, options: dict[str, Any]) -> bytes:
        etag, _, version = ref.version.partition(" ")
        # A weak tag or none cannot be a condition: If-Match compares strongly, RFC 9110 §13.1.1.
        condition = {} if etag.startswith(("W/", _UNTAGGED)) else {"if_match": f'"{etag}"'}
        pinned = {"version": version} if version else {}
        try:
            everything: Any = options | condition | pinned
            got = obstore.get(self._inner, ref.key, options=everything)
            if _etag(got.meta) != etag:
                raise ObjectChanged(ref.uri)
            return bytes(got.bytes())
        except PreconditionError:
            raise ObjectChanged(ref.uri) from None
        except FileNotFoundError:
            raise ObjectGone(ref.uri) from None
        except BaseError as error:
            raise SourceError(f"source {self.source}: cannot read {ref.uri}: {self._text(error)}") from None

    def _entries(self, metas: Any) -> Iterator[Entry]:
        for meta in metas:
            if meta["size"] or not self._is_marker(meta["path"]):
                yield Entry(meta["path"], _version(meta), meta["size"], meta["last_modified"])

    def _is_marker(self, key: str) -> bool:
        """True for an empty object `key/`: obstore lists it without its slash, under which nothing is found."""
        if f"{key}/" == self.root:
            return True
        try:
            obstore.head(self._inner, key)
        except FileNotFoundError:
            return True
        except BaseError as error:
            self._refuse(error)
        return False

    def _listing(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (BaseError, FileNotFoundError) as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> NoReturn:
        text = self._text(error)
        cure = "check endpoint, region and that the keys may list and read it"
        if "NoSuchBucket" in text:
            cure = "the bucket does not exist there: create it, or correct uri, endpoint or region"
        elif isinstance(error, InvalidPathError):
            cure = "keys with an empty path segment cannot be read: rename that object"
        where = self.uri(self.root)
        raise SourceError(f"source {self.source}: cannot list {where}: {cure} ({text})") from None

    def _text(self, error: Exception) -> str:
        """What the server said, without obstore's debug dump and without secrets."""
        first = str(error).partition("\n\nDebug source")[0]
        return self._signer.redact(" ".join(first.split()))[:600]


def bucket(source: SourceSettings) -> Bucket:
    """The bucket and prefix of an `s3://` uri.

    Raises:
        SourceError: the uri has no bucket, or what signs the requests is missing.
    """
    name, _, prefix = source.uri.removeprefix("s3://").partition("/")
    if not name:
        raise SourceError(f"source {source.name}: {source.uri} names no bucket; write s3://bucket/prefix")
    signer = signer_of(source)
    return Bucket(source.name, name, prefix.strip("/"), _inner(source, name, signer), signer)


def _inner(source: SourceSettings, name: str, signer: Signer) -> Any:
    from obstore.store import S3Store

    options: dict[str, Any] = {"region": signer.region, "virtual_hosted_style_request": False}
    if signer.provider is None:
        options["skip_signature"] = True
    else:
        options["credential_provider"] = signer.provider
    if source.endpoint is not None:
        options["endpoint"] = source.endpoint.rstrip("/")
    return S3Store(
        name,
        client_options={
            "allow_http": (source.endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(seconds=120),
        },
        retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=60)},
        **options,
    )


def _version(meta: Any) -> str:
    """The ETag, and the version id if the listing gave one."""
    return f"{_etag(meta)} {meta['version']}" if meta["version"] else _etag(meta)


def _etag(meta: Any) -> str:
    """The ETag without the quotes of a strong one; for a server that has none, time and size."""
    etag = meta["e_tag"]
    if not etag:
        return f"{_UNTAGGED}{meta['last_modified'].isoformat()}-{meta['size']}"
    return str(etag).strip('"') if str(etag).startswith('"') else str(etag)
