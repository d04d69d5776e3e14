"""All commands of the command line by their full names, those of groups included (`source accept-gap`)."""

import re
from typing import Any

import typer

from llmops_assets.cli import app


def _flat(commands: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        found |= _flat(inner, f"{before}{name} ") if inner else {before + name: command}
    return found


COMMANDS: dict[str, Any] = _flat(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def command_in(words: str) -> str | None:
    """The full name of the command that some words begin with."""
    return next((name for name in COMMANDS if re.match(rf"{name}(?![\w-])", words)), None)
