"""Finds the formats: every module beside this one that has a `FORMAT`.

Adding a format is adding one file; nothing here lists them.
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from llmops_assets.formats.format import Format


@cache
def all_formats() -> tuple[Format, ...]:
    """All formats, most specific first."""
    folder = Path(__file__).parent
    modules = (import_module(f"{__package__}.{found.name}") for found in pkgutil.iter_modules([str(folder)]))
    formats = [module.FORMAT for module in modules if isinstance(getattr(module, "FORMAT", None), Format)]
    return tuple(sorted(formats, key=lambda one: (one.rank, one.name)))


def format_names() -> tuple[str, ...]:
    """The names of all formats, in their order."""
    return tuple(one.name for one in all_formats())


def format_choices() -> tuple[str, ...]:
    """What a source may be configured with: one format that every record must have, or any."""
    return ("auto", *format_names())
