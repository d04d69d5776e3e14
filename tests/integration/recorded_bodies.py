"""Recorded usage of providers, as calls: each body wrapped as a gateway would, with its true provider.

The recordings are reduced to model and usage, and name their provider only by the file that they came from. What
another library extracted from each is beside it, for every provider whose shape it could be; the entry of the true
one is what a decoder is held against. Line numbers start at 1.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "provider_usage_bodies.jsonl.gz"
PRICED_AT = "2025-11-06T12:00:00Z"
"""When the prices beside the recordings held; they state no time of their own."""

Body = Mapping[str, Any]

# Parts of a recording's path, and who served an OpenAI-compatible reply there. The first that occurs.
SERVED_BY = {
    "openrouter": "openrouter",
    "qwen-nested-model": "openrouter",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "cerebras": "cerebras",
    "huggingface": "huggingface",
    "test_zai": "zai",
    "test_ollama": "ollama",
    "test_azure": "azure",
    "test_heroku": "heroku",
    "test_compatible_api_with_tool_calls_without_id": "google",
}
# Where the other library has another name for the provider, or reads its shape under another provider.
EXTRACTOR = {
    "google": ("google", "default"),
    "vertex_ai": ("google", "default"),
    "bedrock": ("aws", "default"),
    "anthropic": ("anthropic", "default"),
    "cohere": ("cohere", "default"),
    "groq": ("groq", "default"),
    "mistral": ("mistral", "default"),
    "huggingface": ("huggingface_together", "chat"),
    "ollama": ("openai", "chat"),
    "heroku": ("openai", "chat"),
}


@dataclass(frozen=True)
class Recorded:
    """One recorded body: `line` in the file, who served it, and what the other library makes of it."""

    line: int
    body: Body
    provider: str
    usage: Mapping[str, int]
    price: Decimal | None

    @property
    def wrapped(self) -> dict[str, Any]:
        """The record of a call that a gateway would have written."""
        return {
            "provider": self.provider,
            "request_time": PRICED_AT,
            "tenant": "acme",
            "latency_ms": 800,
            "http_status": 200,
            "event_id": f"recorded-{self.line}",
            "response": {name: value for name, value in self.body.items() if name != "file"},
        }


@cache
def recorded() -> tuple[Recorded, ...]:
    """All recordings, in the order of the file."""
    return tuple(_read())


def _read() -> Iterator[Recorded]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            provider = provider_of(row["body"])
            usage, price = _extracted(row["extracted"], *_extractor(row["body"], provider))
            yield Recorded(number, row["body"], provider, usage, price)


def shape_of(body: Body) -> str:
    """The family of a body, from the names in it."""
    usage = body.get("usage") or {}
    if "usageMetadata" in body:
        return "gemini"
    if "meta" in body or "billed_units" in usage:
        return "cohere"
    if "inputTokens" in usage:
        return "bedrock"
    if "prompt_tokens" in usage:
        return "chat"
    return "responses" if "input_tokens_details" in usage else "anthropic"


def provider_of(body: Body) -> str:
    """Who served it: by its family, and where many serve one, by the recording's path."""
    shape = shape_of(body)
    if shape == "gemini":
        return "vertex_ai" if "trafficType" in body["usageMetadata"] else "google"
    if shape in ("cohere", "bedrock", "anthropic"):
        return shape
    if shape == "responses" and "cost" in body["usage"]:
        return "openrouter"
    # Others that are named in a path only lend their tests to OpenAI's Responses.
    names = SERVED_BY if shape == "chat" else {"test_bedrock_mantle": "bedrock"}
    return next((name for part, name in names.items() if part in body["file"]), "openai")


def _extractor(body: Body, provider: str) -> tuple[str, str]:
    shape = shape_of(body)
    if shape == "responses":
        return "openai", "responses"
    if shape == "chat" and "completion_tokens" not in body["usage"]:
        return "openai", "embeddings"
    if shape == "chat" and provider == "google":
        return "google", "chat"
    if shape == "cohere" and "meta" in body:
        return "cohere", "embeddings"
    return EXTRACTOR.get(provider, (provider, "chat"))


def _extracted(entries: list[dict[str, Any]], provider: str, flavor: str) -> tuple[Mapping[str, int], Decimal | None]:
    for entry in entries:
        for found in entry["extractors"]:
            if (found["provider_id"], found["api_flavor"]) == (provider, flavor):
                return entry["usage"], _price(found)
    raise LookupError(f"nothing was extracted as {flavor} of {provider}; entries: {entries}")


def _price(found: Mapping[str, str]) -> Decimal | None:
    parts = [found[name] for name in ("input_price", "output_price") if name in found]
    total = found.get("total_price") or (sum(map(Decimal, parts)) if parts else None)
    return None if total is None else Decimal(total)
