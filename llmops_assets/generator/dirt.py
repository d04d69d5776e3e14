"""Known dirt: which records are spoilt, how, and which reject reason each must get.

Belongs here: the kinds of dirt, their rates and the spoiling itself. One record has one defect, so that
the expected reason never depends on the order in which a decoder looks.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llmops_assets.generator.flat import DIRTY
from llmops_assets.generator.record import Fields, Record
from llmops_assets.generator.traffic import SOURCES, Integers

EVERYWHERE = SOURCES
FLAT = "flat"
LITELLM = "litellm"
BAD_COUNTS: tuple[object, ...] = ("many", 500.5, True)


@dataclass(frozen=True)
class Kind:
    """One kind of dirt: the reject reason it must get, and how many of a million calls it befalls."""

    name: str
    reason: str
    per_million: int
    sources: tuple[str, ...]
    spoil: Callable[[Record, int], bytes]
    shape: str = FLAT


def dump(fields: object) -> bytes:
    """One line of JSON."""
    return json.dumps(fields, ensure_ascii=False).encode()


def _changed(record: Record, **fields: object) -> bytes:
    return dump({**record.fields, **fields})


def _without_time(record: Record, number: int) -> bytes:
    name = DIRTY[record.shape].time_field
    if number % 2:
        return _changed(record, **{name: None})
    return dump({key: value for key, value in record.fields.items() if key != name})


def _in_the_future(record: Record, _: int) -> bytes:
    dirty = DIRTY[record.shape]
    return _changed(record, **{dirty.time_field: dirty.future(record.call)})


def _before_there_were_any(record: Record, _: int) -> bytes:
    dirty = DIRTY[record.shape]
    return _changed(record, **{dirty.time_field: dirty.ancient})


def _with_input(record: Record, value: object) -> bytes:
    return _changed(record, **{DIRTY[record.shape].input_field: value})


def _negative_input(record: Record, number: int) -> bytes:
    return _with_input(record, -1 - number)


def _input_no_count(record: Record, number: int) -> bytes:
    return _with_input(record, BAD_COUNTS[number % 3])


def _input_beyond_bigint(record: Record, _: int) -> bytes:
    return _with_input(record, 10**20)


def _cached_beyond_input(record: Record, _: int) -> bytes:
    return _changed(record, cachedTokens=record.call.tokens_input * 2)


def _duplicate_key(record: Record, _: int) -> bytes:
    return b'{"model": "another-model", ' + dump(record.fields)[1:]


def _bad_bytes(record: Record, _: int) -> bytes:
    return dump(record.fields).replace(record.call.model_name.encode(), b"gpt-\xff\xfe4o", 1)


def _broken_syntax(record: Record, number: int) -> bytes:
    line = dump(record.fields)
    return line.replace(b'": ', b'" = ', 1) if number % 2 else line[:-1] + b",}"


def _cut_short(record: Record, number: int) -> bytes:
    line = dump(record.fields)
    return line[: len(line) * (3 + number % 5) // 9]


def _another_log(record: Record, number: int) -> bytes:
    return dump({"level": "info", "message": "log file rotated", "pid": 4000 + number, "host": record.call.environment})


def _no_object(_: Record, number: int) -> bytes:
    return (b'"heartbeat"', b"42", b"true")[number % 3]


def _litellm_input(record: Record, value: object) -> bytes:
    metadata: Fields = dict(record.fields["metadata"])  # type: ignore[call-overload]  # a payload's metadata
    metadata["usage_object"] = {**metadata["usage_object"], "prompt_tokens": value}  # type: ignore[dict-item]
    return _changed(record, prompt_tokens=value, metadata=metadata)


def _negative_prompt(record: Record, number: int) -> bytes:
    return _litellm_input(record, -5 - number)


def _prompt_no_count(record: Record, _: int) -> bytes:
    return _litellm_input(record, "many")


KINDS = (
    Kind("malformed line", "malformed_json", 700, EVERYWHERE, _broken_syntax),
    Kind("truncated line", "malformed_json", 500, EVERYWHERE, _cut_short),
    Kind("truncated prompt", "malformed_json", 100, ("gateway",), _cut_short, LITELLM),
    Kind("bad UTF-8", "bad_encoding", 200, EVERYWHERE, _bad_bytes),
    Kind("missing timestamp", "missing_timestamp", 350, EVERYWHERE, _without_time),
    Kind("future timestamp", "future_timestamp", 200, EVERYWHERE, _in_the_future),
    Kind("implausible timestamp", "implausible_timestamp", 100, EVERYWHERE, _before_there_were_any),
    Kind("negative tokens", "negative_tokens", 250, EVERYWHERE, _negative_input),
    Kind("bad type", "bad_type", 350, EVERYWHERE, _input_no_count),
    Kind("token overflow", "token_overflow", 60, EVERYWHERE, _input_beyond_bigint),
    Kind("cached beyond input", "parts_exceed_total", 150, ("gateway",), _cached_beyond_input),
    Kind("duplicate key", "duplicate_key", 150, EVERYWHERE, _duplicate_key),
    Kind("another log's line", "unknown_format", 400, EVERYWHERE, _another_log),
    Kind("no object", "not_an_object", 150, EVERYWHERE, _no_object),
    Kind("negative prompt", "negative_tokens", 100, ("gateway",), _negative_prompt, LITELLM),
    Kind("bad prompt count", "bad_type", 100, ("gateway",), _prompt_no_count, LITELLM),
)  # fmt: skip

EXACT, REDELIVERED, CONFLICT, CUT_OBJECT = "exact duplicate", "redelivered", "conflicting duplicate", "truncated object"
REPEATS = {EXACT: 8000, REDELIVERED: 2500, CONFLICT: 1200, CUT_OBJECT: 60}
"""Of a million calls; records are repeated only where the shape has an id that can show it."""


@dataclass
class Plan:
    """What befalls one source in one hour."""

    kinds: list[Kind]
    repeats: dict[str, int]


def plan(seed: int, hourly: dict[str, Integers]) -> dict[tuple[str, int], Plan]:
    """Spread the dirt over sources and hours, in proportion to their calls; every kind at least once."""
    rng = np.random.default_rng([seed, 2])
    plans: dict[tuple[str, int], Plan] = defaultdict(lambda: Plan([], {}))
    for kind in KINDS:
        for place in _places(rng, hourly, kind.sources, kind.per_million):
            plans[place].kinds.append(kind)
    for name, per_million in REPEATS.items():
        sources = ("gateway", "platform") if name == CUT_OBJECT else EVERYWHERE
        for place in _places(rng, hourly, sources, per_million):
            repeats = plans[place].repeats
            repeats[name] = 1 if name == CUT_OBJECT else repeats.get(name, 0) + 1
    return plans


def _places(
    rng: np.random.Generator, hourly: dict[str, Integers], sources: tuple[str, ...], per_million: int
) -> list[tuple[str, int]]:
    total = sum(int(counts.sum()) for counts in hourly.values())
    weights = np.concatenate([hourly[source] for source in sources]).astype(float)
    drawn = rng.choice(len(weights), max(1, round(total * per_million / 1e6)), p=weights / weights.sum())
    hours = len(hourly[sources[0]])
    return [(sources[int(place) // hours], int(place) % hours) for place in drawn]
