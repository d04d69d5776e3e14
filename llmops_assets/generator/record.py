"""One call as one record of some shape, with what a decoder must make of it.

Belongs here: the pair of what is written and what is expected. The shapes themselves have a file each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from llmops_assets.generator.traffic import Call

_SILENT_FAILURES = ("rate_limit", "timeout", "server")
"""Failures after which most producers state no usage."""

Fields = dict[str, object]


@dataclass(slots=True)
class Record:
    """A record and its truth: tokens are None where the producer states none."""

    fields: Fields
    call: Call
    shape: str
    tokens_input: int | None
    tokens_output: int | None
    tenant: str | None
    has_id: bool

    @property
    def usage_missing(self) -> bool:
        """Whether tokens were spent that nobody states: an answer, a timeout or a 5xx without usage."""
        return self.tokens_input is None and self.call.outcome in ("ok", "timeout", "server")


Render = Callable[[Call], Record]


@dataclass(frozen=True)
class Dirty:
    """How a shape is spoilt: names of the fields that hold time and tokens, and values out of place."""

    time_field: str
    input_field: str
    future: Callable[[Call], object]
    ancient: object


def usage(call: Call, *, always_stated: bool = False) -> tuple[int | None, int | None]:
    """Input and output tokens as the producer states them; some shapes cannot leave them out."""
    if call.usage_missing:
        return None, None
    if call.outcome in _SILENT_FAILURES and not always_stated:
        return None, None
    return call.tokens_input, call.tokens_output


def total(tokens: tuple[int | None, int | None]) -> int | None:
    """Sum of stated tokens."""
    return None if tokens[0] is None or tokens[1] is None else tokens[0] + tokens[1]


def iso(at_us: int, *, zone: str = "Z") -> str:
    """ISO 8601 with milliseconds, truncated."""
    text = datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at_us % 1_000_000 // 1000:03d}{zone}"


def without_none(fields: Mapping[str, object]) -> Fields:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def uuid(text: str) -> str:
    """32 hexadecimal digits as a UUID."""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
