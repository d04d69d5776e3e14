"""Work: windows that need a run, and what makes it so, as plain data.

Belongs here: merging due partitions into windows, newest first and of bounded size, and naming a piece of
work by its content. Who finds what is due (`ingest`, `warehouse`) and who runs it (`defs`) are elsewhere.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmops_assets.windows import Window, contiguous

Tokens = Mapping[datetime, str]
"""Starts of due partitions, each with a text that changes with what makes it due."""


@dataclass(frozen=True)
class Work:
    """A window to run, and the digest of why: equal digests are the same work."""

    window: Window
    digest: str
    is_backlog: bool = False


def pieces(due: Tokens, step: timedelta, longest: timedelta, backlog_before: datetime | None = None) -> list[Work]:
    """Due partitions as windows of at most `longest`, newest first; those before `backlog_before` apart.

    Contiguous partitions share a window. A window is cut from its end, so that the newest piece is whole.
    """
    cut = backlog_before or datetime.min.replace(tzinfo=next(iter(due)).tzinfo if due else None)
    parts = ({start for start in due if start >= cut}, {start for start in due if start < cut})
    found = [
        Work(window, _digest(due, window), is_backlog)
        for is_backlog, starts in zip((False, True), parts, strict=True)
        for merged in contiguous(starts, step)
        for window in _cut_from_end(merged, longest)
    ]
    return sorted(found, key=lambda work: work.window, reverse=True)


def without(due: Tokens, busy: Iterable[Window]) -> dict[datetime, str]:
    """What is due outside the windows of runs at work."""
    windows = list(busy)
    return {start: token for start, token in due.items() if not any(start in window for window in windows)}


def digest_of(texts: Iterable[str]) -> str:
    """A short name of some texts, whatever their order."""
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:16]


def _digest(due: Tokens, window: Window) -> str:
    return digest_of(f"{start.isoformat()} {token}" for start, token in due.items() if start in window)


def _cut_from_end(window: Window, longest: timedelta) -> Sequence[Window]:
    found, end = [], window.end
    while end > window.start:
        start = max(window.start, end - longest)
        found.append(Window(start, end))
        end = start
    return found
