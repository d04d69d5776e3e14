"""Makes `benchmarks/pricing_cases.csv`: recorded usage of real providers with what others say that it costs.

Reads `provider_usage_bodies.jsonl.gz` (recordings of pydantic-ai's tests, MIT, with genai-prices' extraction and its
price at 2025-11-06T12:00Z) and, if it is installed beside, asks LiteLLM's `completion_cost` with its own price map.
Run in a throw-away environment, `python benchmarks/pricing_cases.py BODIES`, and review what changed in the file.
"""

import csv
import gzip
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from recorded_bodies import provider_of, shape_of  # type: ignore[import-not-found]

CASES = Path(__file__).with_name("pricing_cases.csv")

QUANTITIES = {
    "tokens_input": "input_tokens",
    "tokens_cache_read": "cache_read_tokens",
    "tokens_cache_write": "cache_write_tokens",
    "tokens_cache_write_1h": "cache_write_1h_tokens",
    "tokens_audio_input": "input_audio_tokens",
    "tokens_image_input": "input_image_tokens",
    "tokens_output": "output_tokens",
    "tokens_reasoning": "output_reasoning_tokens",
    "tokens_audio_output": "output_audio_tokens",
    "web_search_requests": "web_searches",
}
COLUMNS = (
    *("line", "provider", "model", "operation", *QUANTITIES, "image_output"),
    *("library_usd", "billed_usd", "litellm_usd"),
)
"""`image_output` is no meter here: it is for LiteLLM, which has prices of it."""

# Provider -> the library's name for it, and LiteLLM's.
LIBRARY = {"vertex_ai": "google", "bedrock": "aws", "huggingface": "huggingface_together"}
LITELLM = {"google": "gemini", "huggingface": "huggingface", "bedrock": "bedrock_converse", "cohere": "cohere_chat"}


def main(bodies: Path) -> None:
    """Write the file."""
    with gzip.open(bodies, "rt", encoding="utf-8") as lines:
        rows = [row for number, line in enumerate(lines, 1) for row in _case(number, json.loads(line))]
    with CASES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _case(line: int, recorded: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The row of a recording; none without a model, which nobody can price."""
    body, model = recorded["body"], (recorded.get("model") or "").removeprefix("models/")
    if not model:
        return
    provider, flavors = provider_of(body), _flavors(body)
    usage, price = _extracted(recorded["extracted"], LIBRARY.get(provider, provider), flavors)
    billed = (body.get("usage") or {}).get("cost") if provider == "openrouter" else None
    case = {
        "line": line,
        "provider": provider,
        "model": model,
        "operation": "embedding" if "embeddings" in flavors else "chat",
        **{ours: usage.get(theirs, "") for ours, theirs in QUANTITIES.items()},
        "image_output": usage.get("output_image_tokens", ""),
        "library_usd": _plain(price),
        "billed_usd": _plain(None if billed is None else Decimal(repr(billed))),
    }
    yield case | {"litellm_usd": _plain(_litellm(case))}


def _flavors(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The library's names for the shape of a body, by preference."""
    shape = shape_of(body)
    if shape == "chat":
        return ("chat", "default") if "completion_tokens" in body["usage"] else ("embeddings",)
    return ("responses",) if shape == "responses" else ("default",)


def _extracted(
    entries: list[dict[str, Any]], provider: str, flavors: tuple[str, ...]
) -> tuple[Mapping[str, int], Decimal | None]:
    """Usage and price of the provider; the usage of another one of the same shape where the library lacks it."""
    others: list[Mapping[str, int]] = []
    for entry in entries:
        for found in entry["extractors"]:
            if found["api_flavor"] in flavors:
                if found["provider_id"] == provider:
                    return entry["usage"], _price(found)
                others += [entry["usage"]] if found["provider_id"] == "openai" else []
    return others[0], None


def _price(found: Mapping[str, str]) -> Decimal | None:
    if "total_price" in found:
        return Decimal(found["total_price"])
    parts = [Decimal(found[name]) for name in ("input_price", "output_price") if name in found]
    return sum(parts, Decimal(0)) if parts else None


def _litellm(case: Mapping[str, Any]) -> Decimal | None:
    """What LiteLLM computes; None where it is not installed, or has no price."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    if importlib.util.find_spec("litellm") is None:
        return None
    litellm = importlib.import_module("litellm")
    try:
        kind = "embedding" if case["operation"] == "embedding" else "completion"
        provider = LITELLM.get(case["provider"], case["provider"])
        response = litellm.ModelResponse(model=case["model"], usage=_litellm_usage(case))
        cost = litellm.completion_cost(response, model=case["model"], custom_llm_provider=provider, call_type=kind)
    except Exception as error:  # noqa: BLE001 - its own words for a model that it has no price for
        sys.stderr.write(f"{case['line']} {provider} {case['model']}: {str(error)[:100]}\n")
        return None
    return Decimal(repr(cost))


def _litellm_usage(case: Mapping[str, Any]) -> Any:
    """The counts as LiteLLM's own transformations would hand them on."""
    types = importlib.import_module("litellm.types.utils")
    count = {name: case[name] or 0 for name in (*QUANTITIES, "image_output")}
    searches = count["web_search_requests"]
    return types.Usage(
        prompt_tokens=count["tokens_input"],
        completion_tokens=count["tokens_output"],
        total_tokens=count["tokens_input"] + count["tokens_output"],
        prompt_tokens_details=types.PromptTokensDetailsWrapper(
            cached_tokens=count["tokens_cache_read"],
            cache_creation_tokens=count["tokens_cache_write"],
            audio_tokens=count["tokens_audio_input"],
            image_tokens=count["tokens_image_input"],
        ),
        completion_tokens_details=types.CompletionTokensDetailsWrapper(
            reasoning_tokens=count["tokens_reasoning"],
            audio_tokens=count["tokens_audio_output"],
            image_tokens=count["image_output"],
        ),
        cache_creation_input_tokens=count["tokens_cache_write"],
        cache_read_input_tokens=count["tokens_cache_read"],
        # Given a count of none, it charges one.
        **({"server_tool_use": types.ServerToolUse(web_search_requests=searches)} if searches else {}),
    )


def _plain(usd: Decimal | None) -> str:
    """To 12 places, without an exponent: LiteLLM adds up doubles."""
    return "" if usd is None else f"{round(usd, 12).normalize():f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
