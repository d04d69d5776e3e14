"""How progress looks on the command line: a bar in a terminal, a line per step in a log, nothing if quiet.

Belongs here: whatever `llmops_assets.progress` reports, shown on standard error. What is reported, and how
often, is up to whoever works.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from llmops_assets import progress
from llmops_assets.cli.console import errors


@contextmanager
def shown(*, quiet: bool) -> Iterator[None]:
    """Show progress reported inside: a bar in a terminal, a line per step elsewhere, nothing if quiet."""
    if quiet:
        yield
        return
    listener = _Bars() if sys.stderr.isatty() else _Lines()
    with listener, progress.listening(listener.update):
        yield


class _Bars:
    """One live bar for what is being done now."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=errors, transient=True)
        self.task: TaskID = self.progress.add_task("starting", total=None)

    def __enter__(self) -> "_Bars":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def update(self, what: str, done: int, total: int) -> None:
        """Show how much of `what` is done."""
        self.progress.update(self.task, description=what, completed=done, total=total or None)


class _Lines:
    """A line whenever something else is being done: for logs."""

    def __init__(self) -> None:
        self.what = ""

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, what: str, done: int, total: int) -> None:  # noqa: ARG002 - a log shows steps, not shares
        """Print `what` when it changes."""
        if what != self.what:
            self.what = what
            errors.print(what, highlight=False)
