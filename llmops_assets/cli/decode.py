"""`llmops decode` and `llmops formats`: what becomes of each record of local files, and which formats are known."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from llmops_assets.cli.console import errors, out
from llmops_assets.cli.ledger import source_named
from llmops_assets.cli.showing import shown
from llmops_assets.cli.tables import lines
from llmops_assets.config_file import ConfigError
from llmops_assets.formats import format_names
from llmops_assets.formats.registry import format_choices
from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.trial import Trial, Tried

_SHOWN = (
    *("tenant_id", "provider", "model", "tokens_input", "tokens_cache_read", "tokens_output"),
    *("cost_usd", "cost_source", "flags"),
)
_ROWS_AT_A_TIME = 500


class DecodeError(Exception):
    """The files cannot be decoded; the message says which and why."""


def run(files: Sequence[Path], config: Path | None, format_: str | None, source: str | None, *, as_json: bool) -> int:
    """Print what became of every record; 1 if a file could not be read, else 0."""
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise DecodeError(f"no such file: {', '.join(missing)}")
    settings = Settings.load(config)
    trial = Trial(_source(settings, source, format_), settings)
    counts: Counter[tuple[str, str | None]] = Counter()
    with shown(quiet=not sys.stderr.isatty()):
        counted = _counted(trial.outcomes(files), counts)
        for text in _as_json(counted) if as_json else _as_table(counted):
            sys.stdout.write(text + "\n")
    for file, reason in trial.failed.items():
        errors.print(f"[red]not read[/red] {file}: {reason}", highlight=False, soft_wrap=True)
    _summary(counts)
    return 1 if trial.failed else 0


def show_formats() -> None:
    """Print the known formats, the most specific first, with what a record of each is."""
    rows = [(name, _first_sentence(name)) for name in format_names()]
    for line in lines(("format", "a record"), rows, None):
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def _first_sentence(name: str) -> str:
    """What the format's own file says first."""
    text = " ".join((import_module(f"llmops_assets.formats.{name}").__doc__ or "").split("\n\n")[0].split())
    return text.rstrip(".")


def _source(settings: Settings, name: str | None, format_: str | None) -> SourceBase:
    """The named source, or one with every default; with `format_` in place of its own."""
    source: SourceBase = SourceBase(name="files") if name is None else source_named(settings, name)
    if format_ is None:
        return source
    if format_ not in format_choices():
        raise ConfigError(f"--format {format_}: no such format; allowed: {', '.join(format_choices())}")
    return source.model_copy(update={"format": format_})


def _counted(outcomes: Iterable[Tried], counts: Counter[tuple[str, str | None]]) -> Iterator[Tried]:
    for one in outcomes:
        counts[one.outcome, one.reason] += 1
        yield one


def _as_json(outcomes: Iterable[Tried]) -> Iterator[str]:
    """One object a record; money as text."""
    for one in outcomes:
        shown_ = {"file": one.file, "line": one.line, "record_index": one.record_index, "format": one.format}
        shown_ |= {"outcome": one.outcome, "reason": one.reason, "event": one.event}
        yield json.dumps(shown_, default=_text, ensure_ascii=False)


def _text(value: Any) -> str:
    """Money in full, times in UTC."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in an event")


def _as_table(outcomes: Iterable[Tried]) -> Iterator[str]:
    """Aligned rows under the name of each file."""
    rows: list[tuple[str, ...]] = []
    file = None
    for one in outcomes:
        if one.file != file or len(rows) >= _ROWS_AT_A_TIME:
            yield from _table(rows)
            rows = []
        if one.file != file:
            file = one.file
            yield file
        rows.append(_row(one))
    yield from _table(rows)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield from lines(("line", "outcome", "format", *_SHOWN), rows, None)


def _row(one: Tried) -> tuple[str, ...]:
    place = str(one.line) if one.record_index is None else f"{one.line}[{one.record_index}]"
    outcome = one.outcome if one.reason is None else f"{one.outcome}: {one.reason}"
    event = one.event or {}
    return (place, outcome, one.format or "", *(_cell(event.get(name)) for name in _SHOWN))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return ", ".join(value) if isinstance(value, list) else str(value)


def _summary(counts: Counter[tuple[str, str | None]]) -> None:
    total = sum(counts.values())
    parts = [
        f"{number:,} {outcome}" + (f" ({reason})" if reason else "")
        for (outcome, reason), number in sorted(counts.items(), key=lambda item: (-item[1], item[0][0]))
    ]
    errors.print(f"{total:,} records: " + (", ".join(parts) or "none"), highlight=False, soft_wrap=True)
