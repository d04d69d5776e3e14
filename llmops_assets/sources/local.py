"""A local folder as a store.

A version is modification time, size and inode, so that a file replaced by another of the same size and
time still counts as changed. Plain os calls, because a listing needs nanoseconds and the inode.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from errno import ELOOP, ENOENT
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from urllib.parse import unquote

from llmops_assets.sources.errors import ObjectChanged, ObjectGone, ObjectUnreadable, SourceError
from llmops_assets.sources.objects import Entry, ObjectRef

CHUNK_BYTES = 4 * 2**20


class LocalFolder:
    """The files below a folder; keys are paths relative to it."""

    root = ""
    concurrency = 1

    def __init__(self, source: str, folder: str) -> None:
        self.source = source
        self.folder = folder.rstrip("/") or "/"

    def __repr__(self) -> str:
        return f"LocalFolder({self.folder!r})"

    def uri(self, key: str) -> str:
        """file:// and the absolute path. A name that is not UTF-8 shows its odd bytes as \\udcXX."""
        uri = f"file://{self.folder.rstrip('/')}/{key}"
        return uri.encode("utf-8", "backslashreplace").decode("utf-8")

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """The folders and regular files right below `prefix`, by name."""
        folders, files = [], []
        for item in self._scan(prefix):
            found = _stat(item)
            if found is None:
                continue
            if S_ISREG(found.st_mode):
                files.append(_entry(prefix + item.name, found))
            elif S_ISDIR(found.st_mode) and not _is_loop(item):
                folders.append(f"{prefix}{item.name}/")
        return folders, files

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every file below `prefix`."""
        folders, files = self.level(prefix)
        yield from files
        for folder in folders:
            yield from self.walk(folder)

    def look(self, key: str) -> Entry | None:
        """The file as it is now."""
        try:
            found = Path(self.folder, key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(self.uri(key), error) from error
        return _entry(key, found) if S_ISREG(found.st_mode) else None

    def fetch(self, ref: ObjectRef) -> bytes:
        """The whole file."""
        return b"".join(self.stream(ref))

    def stream(self, ref: ObjectRef) -> Iterator[bytes]:
        """The file in chunks, checked to be the listed version before and after."""
        try:
            with Path(self.folder, ref.key).open("rb", buffering=0) as file:
                _check(ref, file.fileno())
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
                _check(ref, file.fileno())
        except FileNotFoundError:
            raise ObjectGone(ref.uri) from None
        except OSError as error:
            raise self._unreadable(ref.uri, error) from error

    def _unreadable(self, uri: str, error: OSError) -> ObjectUnreadable:
        return ObjectUnreadable(self.source, uri, f"{error.strerror}; check the file and its permissions")

    def _scan(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(Path(self.folder, prefix)) as items:
                return sorted(items, key=lambda item: item.name)
        except FileNotFoundError:
            if prefix:  # removed while walking: what is gone is not listed
                return []
            raise SourceError(
                f"source {self.source}: the folder {self.folder} does not exist; create it or correct uri"
            ) from None
        except NotADirectoryError:
            raise SourceError(
                f"source {self.source}: {self.folder} is a file; set uri to the folder that holds it"
            ) from None
        except OSError as error:
            raise SourceError(
                f"source {self.source}: cannot list {self.folder}/{prefix}: {error.strerror}; check its permissions"
            ) from error


def local_folder(source: str, path: str) -> LocalFolder:
    """The folder of a `file://` uri or a path. An escaped uri is unescaped if only that exists."""
    if path.startswith("file://"):
        path = path.removeprefix("file://").removeprefix("localhost")
        path = unquote(path) if not Path(path).exists() and Path(unquote(path)).exists() else path
    return LocalFolder(source, os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _entry(key: str, found: os.stat_result) -> Entry:
    seconds, nanoseconds = divmod(found.st_mtime_ns, 10**9)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
    return Entry(key, _version(found), found.st_size, at)


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


def _stat(item: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return item.stat()
    except OSError as error:
        if error.errno in (ENOENT, ELOOP):  # deleted while listing, or a link that leads nowhere
            return None
        raise


def _is_loop(item: os.DirEntry[str]) -> bool:
    """True for a link to a folder that holds it."""
    return item.is_symlink() and Path(item.path).parent.resolve().is_relative_to(Path(item.path).resolve())


def _check(ref: ObjectRef, descriptor: int) -> None:
    if _version(os.fstat(descriptor)) != ref.version:
        raise ObjectChanged(ref.uri)
