"""Random calls cost what genai-prices itself computes for them, to the last of twelve places."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pricing_sql import Pricing

# Provider as events carry it, as the library knows it, and models that both know.
MODELS = [
    *(("openai", "openai", model) for model in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")),
    *(("openai", "openai", model) for model in ("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5.4", "o3", "o3-mini", "o4-mini")),
    *(("openai", "openai", model) for model in ("gpt-4-turbo", "gpt-3.5-turbo", "text-embedding-3-small")),
    *(("anthropic", "anthropic", model) for model in ("claude-sonnet-4-5", "claude-opus-4-6", "claude-haiku-4-5")),
    ("bedrock", "aws", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("vertex_ai", "google", "claude-opus-4-6"),
    *(("google", "google", model) for model in ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview")),
    *(("deepseek", "deepseek", model) for model in ("deepseek-chat", "deepseek-reasoner")),
    ("azure", "azure", "gpt-4o-2024-08-06"),
    ("xai", "x-ai", "grok-4"),
    ("mistral", "mistral", "mistral-large-latest"),
    ("groq", "groq", "llama-3.3-70b-versatile"),
    ("cohere", "cohere", "command-r-plus"),
]
TIERS = {None: None, "standard": None, "flex": {"service_tier": "flex"}, "priority": {"service_tier": "priority"}}
MOST = 400_000


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    provider, library, model = draw(st.sampled_from(MODELS))
    tokens_input = draw(st.integers(0, MOST))
    cache_read = draw(st.integers(0, tokens_input))
    cache_write = draw(st.integers(0, tokens_input - cache_read))
    tokens_output = draw(st.integers(0, MOST))
    between = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    return {
        "provider": provider,
        "upstream_provider": library,
        "model": model,
        "event_time": draw(between),
        "service_tier": draw(st.sampled_from(list(TIERS))),
        "tokens_input": tokens_input,
        "tokens_cache_read": cache_read,
        "tokens_cache_write": cache_write,
        "tokens_cache_write_1h": draw(st.integers(0, cache_write)),
        "tokens_output": tokens_output,
        "tokens_reasoning": draw(st.integers(0, tokens_output)),
    }


def library_price(call: dict[str, Any]) -> Decimal:
    usage = Usage(
        input_tokens=call["tokens_input"],
        cache_read_tokens=call["tokens_cache_read"],
        cache_write_tokens=call["tokens_cache_write"],
        cache_write_1h_tokens=call["tokens_cache_write_1h"],
        output_tokens=call["tokens_output"],
        output_reasoning_tokens=call["tokens_reasoning"],
    )
    found = calc_price(
        usage,
        call["model"],
        provider_id=call["upstream_provider"],
        genai_request_timestamp=call["event_time"],
        price_context=TIERS[call["service_tier"]],
    )
    return Decimal(found.total_price)


@pytest.fixture(scope="module")
def pricing() -> Pricing:
    return Pricing()


def test_the_library_knows_thirty_models() -> None:
    assert len(set(MODELS)) == 30


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(calls(), min_size=20, max_size=60))
def test_a_call_costs_what_the_library_computes(pricing: Pricing, batch: list[dict[str, Any]]) -> None:
    for call, row in zip(batch, pricing.price(batch), strict=True):
        uncharged = call["model"] == "text-embedding-3-small" and call["tokens_output"] > 0
        expected = None if uncharged else library_price(call)
        assert row["list_cost_usd"] == expected, call


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(calls(), min_size=20, max_size=60))
def test_meters_are_disjoint_and_add_up(pricing: Pricing, batch: list[dict[str, Any]]) -> None:
    inputs = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
    for call, row in zip(batch, pricing.price(batch), strict=True):
        assert sum(row[f"meter_{name}"] for name in inputs) == call["tokens_input"]
        outputs = [row[f"meter_{name}"] for name in ("output_text", "reasoning", "audio_output")]
        assert sum(outputs) == call["tokens_output"]
        assert min(outputs) >= 0
