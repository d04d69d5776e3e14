"""Rules of a source about whose calls its are, as SQL in place of what the formats say.

A rule lists places; the first one that is known counts, in the sense of all identifiers: `None`, `null`, blanks and
objects are nothing. Without a rule a field is what its format makes of it, which costs nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import duckdb

from llmops_assets.attribution_settings import Place, place_of
from llmops_assets.formats.reading import Reading

Rules = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class AttributedReading(Reading):
    """A reading whose columns follow the rules of the source."""

    rules: Rules = field(default_factory=dict)

    @cached_property
    def columns(self) -> dict[str, str]:
        """As the format has them, but for the fields that have rules."""
        own = Reading(self.one, self.names).columns
        return {**own, **{column: _first_known(column, places, own) for column, places in self.rules.items()}}


def attributed(connection: duckdb.DuckDBPyConnection, objects: str, readings: Sequence[Reading]) -> list[Reading]:
    """The readings under the rules that the relation `objects` has in its column `attribution`.

    Raises:
        ValueError: the objects are of sources with different rules.
    """
    found = connection.execute(f"select distinct attribution from {objects}").fetchall()
    if len(found) > 1:
        raise ValueError(f"a batch has objects of one source, not of {len(found)} with rules of their own")
    text = found[0][0] if found else None
    if text is None:
        return list(readings)
    return [AttributedReading(one.one, one.names, json.loads(text)) for one in readings]


def _first_known(column: str, places: Sequence[str], own: Mapping[str, str]) -> str:
    values = (_value(column, place_of(text), own) for text in places)
    return f"coalesce({', '.join([*(f'llm_stated({value})' for value in values if value), 'null'])})"


def _value(column: str, place: Place, own: Mapping[str, str]) -> str | None:
    """SQL of what stands at a place; None where the format has nothing of the kind."""
    if place.kind == "default":
        return _text_of(own.get(column))
    if place.kind == "event":
        return _text_of(own.get(place.path[0]))
    if place.kind == "tags":
        return f"({own['tags']})[{_literal(place.path[0])}]" if "tags" in own else None
    if place.kind == "headers":
        return f"record_headers[{_literal(place.path[0])}]"
    path = "$" + "".join(f'."{name}"' for name in place.path)
    return f"json_extract_string(text, {_literal(path)})"


def _text_of(sql: str | None) -> str | None:
    return sql and f"cast({sql} as varchar)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
