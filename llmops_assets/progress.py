"""Where long work says how far it is. Whoever shows it (the command line) listens; nobody has to.

Belongs here: the channel. How progress looks belongs to the command line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def report(what: str, done: int, total: int) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(what, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` called for all progress reported inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
