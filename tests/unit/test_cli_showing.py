"""How the command line shows progress: a bar in a terminal, a line per step in a log, nothing if quiet."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from llmops_assets import progress
from llmops_assets.cli import generate, showing


def _work() -> None:
    for done in range(3):
        progress.report("reading calls", done, 3)
    progress.report("building hours", 0, 0)


def test_a_log_gets_a_line_per_step(capsys: pytest.CaptureFixture[str]) -> None:
    with showing.shown(quiet=False):
        _work()
    assert capsys.readouterr().err == "reading calls\nbuilding hours\n"


def test_quiet_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with showing.shown(quiet=True):
        _work()
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(showing, "errors", Console(file=screen, force_terminal=True, width=80))
    with showing.shown(quiet=False):
        progress.report("building hours", 1, 2)
    assert "━" in screen.getvalue()
    # Cursor to the start of the line, and the line erased.
    assert screen.getvalue().rstrip("\n").endswith("\x1b[2K")


def test_writing_the_example_is_shown_like_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.write(tmp_path, days=1, calls=100, seed=1)
    assert capsys.readouterr().err == "writing the example\n"
