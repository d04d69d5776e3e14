"""A format's SQL over the names that occur in a batch: what only reads absent ones is left out.

A producer writes ten to thirty of the hundred names that a format knows. What is left out here is neither
parsed nor cast nor checked, and costs no planning. An expression goes if all that it reads of the record is
absent; elsewhere an absent name is a NULL of its type, from which DuckDB folds what depends on it.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from llmops_assets.formats.format import DEFAULTS, Format, Structure

QUOTE = "'"


@dataclass(frozen=True)
class Reading:
    """`one` without what is absent from `names`, the top-level names of a batch's records."""

    one: Format
    names: frozenset[str]

    @property
    def structure(self) -> str:
        """The struct to read as a SQL literal for json_transform."""
        return QUOTE + json.dumps(self._struct).replace(QUOTE, QUOTE * 2) + QUOTE

    @cached_property
    def steps(self) -> list[dict[str, str]]:
        """The steps that read something."""
        return [
            {name: self._without_absent(sql) for name, sql in step.items() if name not in self._idle}
            for step in self.one.steps
        ]

    @cached_property
    def columns(self) -> dict[str, str]:
        """The fields that may be known, and those with a default."""
        return {
            name: self._without_absent(sql)
            for name, sql in {**DEFAULTS, **self.one.columns}.items()
            if name in DEFAULTS or not self._is_idle(sql, self._idle)
        }

    @cached_property
    def _struct(self) -> Structure:
        """At least one name, because json_transform takes no empty struct."""
        read = {name: inner for name, inner in self.one.struct.items() if name in self.names}
        return read or dict(list(self.one.struct.items())[:1])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """A reference to a step or a field of the record, with what is taken out of it."""
        steps = "|".join(sorted((name for step in self.one.steps for name in step), key=len, reverse=True)) or "(?!)"
        return re.compile(
            rf"(?<![\w.]){self.one.name}(?:_(?P<step>{steps})\b|\.(?:\"(?P<quoted>[^\"]+)\"|(?P<plain>\w+)))"
            r"(?P<path>(?:\.(?:\w+|\"[^\"]+\")|\[[^\]]*\])*)"
        )

    @cached_property
    def _idle(self) -> set[str]:
        """The steps that read nothing, directly or through others."""
        idle: set[str] = set()
        for step in self.one.steps:
            idle |= {name for name, sql in step.items() if self._is_idle(sql, idle)}
        return idle

    def _is_idle(self, sql: str, idle: Collection[str]) -> bool:
        references = list(self._pattern.finditer(sql))
        return bool(references) and all(self._is_absent(found, idle) for found in references)

    def _is_absent(self, found: re.Match[str], idle: Collection[str]) -> bool:
        if found["step"] is not None:
            return found["step"] in idle
        return _field(found) in self.one.struct and _field(found) not in self._struct

    def _without_absent(self, sql: str) -> str:
        return self._pattern.sub(
            lambda found: self._null(found) if self._is_absent(found, self._idle) else found[0], sql
        )

    def _null(self, found: re.Match[str]) -> str:
        if found["step"] is not None:
            return "null"
        structure = self.one.struct[_field(found)]
        for quoted, plain in re.findall(r"\"([^\"]+)\"|(\w+)", found["path"]):
            inner = quoted or plain
            structure = structure[0] if isinstance(structure, list) else _members(structure)[inner]
        return f"cast(null as {_type(structure)})"


def _field(found: re.Match[str]) -> str:
    return found["quoted"] or found["plain"]


def _members(structure: object) -> Mapping[str, object]:
    if not isinstance(structure, Mapping):
        raise TypeError(f"{structure} has no members")
    return structure


def _type(structure: object) -> str:
    """The SQL type of what json_transform makes of a structure."""
    if isinstance(structure, list):
        return f"{_type(structure[0])}[]"
    if isinstance(structure, Mapping):
        return "struct(" + ", ".join(f'"{name}" {_type(inner)}' for name, inner in structure.items()) + ")"
    return str(structure)
