"""Open files that records are appended to, and those that a killed process left behind.

A segment is a file named `<UTC time>-<random>.tmp`, which no listing takes for data. It holds whole records
only: a write that fails is taken back, and what a dead process wrote of a record is cut off when its file is
finished. While a process holds a segment open it holds a lock on it, by which others know that it is alive.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_TIME = "%Y%m%dT%H%M%S.%fZ"
SUFFIX = ".tmp"
_NAMED = f"????????T??????.??????Z-????????{SUFFIX}"
_TAIL_BYTES = 1 << 20


class Segment:
    """One file, locked. `started` is the time in its name, which says under which hour it is filed."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path, self._descriptor, self.size = path, descriptor, size
        self.name = path.name.removesuffix(SUFFIX)
        self.started = datetime.strptime(self.name.partition("-")[0], _TIME).replace(tzinfo=UTC)

    @classmethod
    def create(cls, folder: Path, started: datetime) -> "Segment":
        """A new segment. Raises `OSError`."""
        _make(folder)
        while True:
            path = folder / f"{started.strftime(_TIME)}-{secrets.token_hex(4)}{SUFFIX}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o666)
            if _lock(descriptor) and _is(path, descriptor):
                sync_folder(folder)
                return cls(path, descriptor, 0)
            os.close(descriptor)  # another process took it for a left-over one, between two lines of ours

    def append(self, data: bytes) -> None:
        """Write whole records and wait until they are on the disk. Raises `OSError`; then nothing was added."""
        self._settle()
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def move(self, target: Path) -> None:
        """Give the file its final name, at once and for good. Raises `OSError`."""
        self._settle()
        _make(target.parent)
        if self.path.exists():  # else an earlier attempt got as far as this
            self.path.rename(target)
        sync_folder(target.parent)
        self.close()

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file; the next start finishes it."""
        os.close(self._descriptor)

    def _settle(self) -> None:
        """Take back what a failed write left, if the disk did not let it be taken back at once."""
        if os.fstat(self._descriptor).st_size != self.size:
            os.ftruncate(self._descriptor, self.size)
            os.fsync(self._descriptor)

    def _cut(self) -> None:
        """Take off what follows the last newline."""
        end = self.size
        while end:
            start = max(0, end - _TAIL_BYTES)
            at = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            end = start + at + 1 if at >= 0 else start
            if at >= 0:
                break
        if end != self.size:
            os.ftruncate(self._descriptor, end)
            os.fsync(self._descriptor)
            self.size = end


def left_over(folder: Path) -> Iterator[Segment]:
    """The segments of dead processes, cut to whole records; empty ones are removed."""
    for path in sorted(folder.glob(_NAMED)) if folder.is_dir() else []:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if not (_lock(descriptor) and _is(path, descriptor)):
            os.close(descriptor)
            continue
        segment = Segment(path, descriptor, os.fstat(descriptor).st_size)
        segment._cut()
        if segment.size:
            yield segment
        else:
            segment.remove()


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(folder: Path) -> None:
    """Make a folder whose name outlives a power cut."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(path: Path, descriptor: int) -> bool:
    """Whether the open file still has this name."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
