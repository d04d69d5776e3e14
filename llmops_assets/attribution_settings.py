"""What a site says of whose calls a source's are: which places of a record tell tenant, user, feature and the rest.

Belongs here: the fields that can be attributed, the grammar of a place, what is refused. How a place is read is
`formats.attribution`; what holds without a rule is each format's.
"""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from llmops_assets.section import Section

COLUMN_OF = {
    "tenant": "tenant_id",
    "user": "user_id",
    "end_user": "end_user_id",
    "session": "session_id",
    "api_key": "api_key_id",
    "feature": "feature",
    "environment": "environment",
    "config": "config_id",
    "variant": "variant_id",
}
"""The key of a rule, and the column that it fills."""
EVENT_COLUMNS = (*COLUMN_OF.values(), "request_id", "trace_id", "model", "requested_model", "provider")
CONTENTS = frozenset(
    """messages message prompt prompts input inputs output outputs content contents choices completion completions
    text system instructions tools tool_calls arguments query question answer""".split()
)
_SEGMENT = re.compile(r'"([^"]+)"|([^\s."\[\]$*]+)')
_PLACE = re.compile(rf"(?:{_SEGMENT.pattern})(?:\.(?:{_SEGMENT.pattern}))*")
GRAMMAR = "allowed: default, tags.<name>, headers.<name>, event.<column>, or a path of the record such as metadata.org"


Kind = Literal["default", "tags", "headers", "event", "record"]
NAMED: tuple[Kind, ...] = ("tags", "headers", "event")


@dataclass(frozen=True)
class Place:
    """Where a value stands: one of the format's own fields or tags, a header, or somewhere in the record."""

    kind: Kind
    path: tuple[str, ...] = ()


def place_of(text: str) -> Place:
    """The place that a text names; a name with a point in it is quoted.

    Raises:
        ValueError: it names none, or one that holds contents of messages.
    """
    if text == "default":
        return Place("default")
    if not _PLACE.fullmatch(text):
        raise ValueError(f"{text!r} names no place; {GRAMMAR}")
    first, *rest = ((found[1] or found[2]) for found in _SEGMENT.finditer(text))
    for kind in NAMED:
        if first == kind:
            return _named(text, Place(kind, (".".join(rest),)))
    path = tuple(rest) if first == "record" else (first, *rest)
    if held := sorted(CONTENTS & {one.lower() for one in path}):
        raise ValueError(f"{text!r} leads to {held[0]}, which may hold contents of messages: those are never kept")
    return _named(text, Place("record", path))


def _named(text: str, place: Place) -> Place:
    if not any(place.path):
        raise ValueError(f"{text!r} names no place; {GRAMMAR}")
    if place.kind == "event" and place.path[0] not in EVENT_COLUMNS:
        raise ValueError(f"{text!r}: no such column; allowed: {', '.join(f'event.{one}' for one in EVENT_COLUMNS)}")
    return place


def _checked(text: str) -> str:
    place_of(text)
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Rule = Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], BeforeValidator(_listed), Field(min_length=1)]


class AttributionSettings(Section):
    """By field, the places that tell it; the first that is known counts. A field left out is the format's."""

    tenant: Rule | None = Field(None, description="Who the call is for.")
    user: Rule | None = Field(None, description="User of the tenant.")
    end_user: Rule | None = Field(None, description="The tenant's own customer.")
    session: Rule | None = Field(None, description="Conversation.")
    api_key: Rule | None = Field(None, description="Id, never the value, of the key used.")
    feature: Rule | None = Field(None, description="Product feature.")
    environment: Rule | None = Field(None, description="Deployment environment.")
    config: Rule | None = Field(None, description="Gateway configuration.")
    variant: Rule | None = Field(None, description="Variant of the configuration.")

    @property
    def rules(self) -> dict[str, tuple[str, ...]]:
        """The rules that were given, by column."""
        given = {column: getattr(self, key) for key, column in COLUMN_OF.items()}
        return {column: places for column, places in given.items() if places is not None}

    @property
    def headers(self) -> set[str]:
        """Headers of records that the rules read."""
        places = (place_of(text) for places in self.rules.values() for text in places)
        return {place.path[0] for place in places if place.kind == "headers"}

    @property
    def text(self) -> str | None:
        """The rules as one text, as decoders take them; none if there are none."""
        return json.dumps(self.rules) if self.rules else None
