"""Real records: what LiteLLM's own loggers wrote, as files that arrive, and what is in them.

Everything about their contents is found here with Python's json, from the files alone: nothing of the
package that reads them is used.
"""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "litellm"
PAYLOADS = DATA / "standard_logging_payloads.ndjson"
OBJECTS = DATA / "s3_objects.ndjson"
ARRIVED = datetime(2026, 11, 20, 15, 40, tzinfo=UTC)
LONG_ENOUGH = 6
"""Shorter texts of a message, such as "yes", are found in anything."""
NO_CONTENT = {"role", "type", "object", "id", "status", "finish_reason", "model"}
"""Fields of messages and answers that say something about them."""

Payload = dict[str, Any]


def let_arrive(folder: Path) -> None:
    """Put the records below `folder`: three sources, of which the third repeats calls of the second.

    The payloads are one file; the objects lie under their own keys, with spaces, `&`, `ø` and slashes in names;
    five minutes later their batch of 23 is delivered again, with another end user in its first call.
    """
    objects = [json.loads(line) for line in OBJECTS.read_text("utf-8").splitlines()]
    _put(folder / "payloads" / "payloads.ndjson", PAYLOADS.read_text("utf-8"), ARRIVED)
    for found in objects:
        _put(folder / "bucket" / found["key"], found["body"], ARRIVED)
    first, *others = objects[0]["body"].splitlines()
    changed = json.dumps({**json.loads(first), "end_user": "end-user-9"})
    _put(folder / "redelivered" / "batch.jsonl", "\n".join([changed, *others]), ARRIVED + timedelta(minutes=5))


def _put(path: Path, content: str, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="")
    os.utime(path, (at.timestamp(), at.timestamp()))


def payloads_below(folder: Path) -> list[Payload]:
    """All payloads as they lie below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def calls_of(payloads: Sequence[Payload]) -> list[Payload]:
    """One payload per call: neither id is unique alone, both together are."""
    return list({id_of(payload): payload for payload in payloads}.values())


def id_of(payload: Payload) -> str:
    """What the two ids of a payload make together."""
    return f"{payload['id']}|{payload['litellm_call_id']}"


def tokens_of(payloads: Sequence[Payload]) -> dict[str, int]:
    """Sums of the tokens that the payloads' usage states, under the names of the columns."""
    sums = dict.fromkeys(
        ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "tokens_reasoning"), 0
    )
    for payload in payloads:
        usage = payload["metadata"]["usage_object"] or {}
        prompt = usage.get("prompt_tokens_details") or {}
        completion = usage.get("completion_tokens_details") or {}
        sums["tokens_input"] += usage.get("prompt_tokens") or 0
        sums["tokens_output"] += usage.get("completion_tokens") or 0
        sums["tokens_cache_read"] += prompt.get("cached_tokens") or 0
        sums["tokens_cache_write"] += usage.get("cache_creation_input_tokens") or prompt.get("cache_write_tokens") or 0
        sums["tokens_reasoning"] += completion.get("reasoning_tokens") or 0
    return sums


def tenant_of(payload: Payload) -> str | None:
    """The team, else the organisation, of the key that was used."""
    metadata = payload["metadata"]
    tenant: str | None = metadata["user_api_key_team_id"] or metadata["user_api_key_org_id"]
    return tenant


def message_texts(payloads: Sequence[Payload]) -> set[str]:
    """The texts of all prompts, answers and tool calls."""
    return {text for payload in payloads for text in _message_texts(payload)}


def _message_texts(payload: Payload) -> Iterator[str]:
    response = payload["response"]
    contents = [payload["messages"], payload["model_parameters"].get("tools")]
    contents += [response.get(name) for name in ("choices", "output", "instructions", "content", "data")]
    yield from (text for text in _texts(contents) if len(text) >= LONG_ENOUGH)


def _texts(value: Any) -> Iterator[str]:
    """All texts inside, at any depth, but for those of `NO_CONTENT`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([item for name, item in value.items() if name not in NO_CONTENT])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
