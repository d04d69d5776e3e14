"""`llmops config`: the settings in force, with secrets left out."""

from pathlib import Path

from rich.table import Table

from llmops_assets.cli.console import out
from llmops_assets.config_file import find_config
from llmops_assets.section import Section
from llmops_assets.settings import Settings


def run(config: Path | None) -> None:
    """Print every setting with its value."""
    settings = Settings.load(config)
    out.print(f"file: {find_config(config) or 'none (defaults and environment)'}", highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("setting", "value", "meaning"):
        table.add_column(heading, overflow="fold")
    for row in _rows(settings):
        table.add_row(*row)
    out.print(table)


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            rows += _section(name, value)
        elif name == "source":
            rows += [row for source in value for row in _section(f"source {source.name}", source, given_only=True)]
        else:
            rows.append((name, str(value), field.description or ""))
    return rows


def _section(name: str, section: Section, *, given_only: bool = False) -> list[tuple[str, str, str]]:
    fields = type(section).model_fields.items()
    return [
        (f"{name}.{key}", _shown(section, key, hidden=not field.repr), field.description or "")
        for key, field in fields
        if not given_only or key in section.model_fields_set
    ]


def _shown(section: Section, key: str, *, hidden: bool) -> str:
    """The value, or, for catalog properties, their names only: a value may be a password."""
    value = getattr(section, key)
    if hidden:
        return ", ".join(sorted(value)) or "(default)"
    return "" if value is None else str(value)
