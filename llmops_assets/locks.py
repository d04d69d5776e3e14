"""Locks of this machine that the system takes back when their holder dies.

Belongs here: one process at a time in a folder, for what other libraries make without asking who else is
making it, and a mark that a process is still at work.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Within it, no other process of this machine is in the same folder's `alone_in`."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def at_work(mark: Path) -> Iterator[None]:
    """Within it `is_abandoned(mark)` is false; if this process dies, it becomes true. The mark holds its id."""
    mark.parent.mkdir(parents=True, exist_ok=True)
    new = mark.with_suffix(".new")  # nobody sees the mark before it is held
    with new.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()}\n")
        file.flush()
        new.replace(mark)
        yield
        mark.unlink(missing_ok=True)


def is_abandoned(mark: Path) -> bool:
    """Whether a process of this machine made the mark and died. No mark: not that we know."""
    try:
        with mark.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True
