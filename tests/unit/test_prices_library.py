"""Random calls cost what genai-prices itself computes for them, to the last of twelve places.

In three things our book knows more than the library, and the expectation here is corrected by hand (sources in
overrides.csv); models of additions.csv are left out. An hour of cache of a Claude model is twice the input price
wherever the library has no price of its own (it charges the five-minute price: 1.25 times; Vertex AI's
claude-opus-4-6 has its own only from 2026-03-13). A batch is half price also before 2026-10-14, when the library's
batch prices begin, and where it has none; OpenAI's flex is so before 2026-10-12.
In one thing ours is stricter: what has no price, such as the output of an embedding, is unknown and not free.
"""

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pricing_sql import Pricing

from llmops_assets.prices.additions import load_additions
from llmops_assets.prices.overrides import load_overrides

# As events name the provider, as the library does. Every model of theirs that goes by its own id is drawn from.
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "google": "google",
    "vertex_ai": "google",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral",
    "cohere": "cohere",
    "openrouter": "openrouter",
    "xai": "x-ai",
}
BY_ID = {provider.id: provider for provider in providers}
OTHERS = [
    ("azure", "claude-sonnet-4-5"),
    ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("vertex_ai", "claude-opus-4-6@20260205"),
    ("openai", "gpt-5.2-20251211"),
]
MODELS = OTHERS + [
    (name, model.id)
    for name, library in PROVIDERS.items()
    for model in BY_ID[library].models
    if BY_ID[library].find_model(model.id) is model
]
ADDED = {(addition.provider, addition.model) for addition in load_additions()}
# Names of them whose price is an addition's, which the library has otherwise or not at all.
MODELS = [(name, model) for name, model in MODELS if (name, model) not in ADDED and "claude-sonnet-4-2025" not in model]
CONTEXTS = {
    None: None,
    "standard": None,
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
HOUR_OF_CACHE = {"anthropic", "azure", "bedrock", "google", "vertex_ai", "openrouter"}
HALF_PRICE_FLEX = next(one for one in load_overrides() if one.service_tier == "flex")
HALF_PRICE_BATCH = {"anthropic", "azure", "bedrock", "google", "groq", "mistral", "openai", "vertex_ai"}
MOST = 400_000
PLACES = Decimal("1e-12")

# The same calls at every run. A failure names its call: shrinking the batch would take minutes and add nothing.
same_calls = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    provider, model = draw(st.sampled_from(MODELS))
    tokens_input = draw(st.integers(0, MOST))
    cache_read = draw(st.integers(0, tokens_input))
    cache_write = draw(st.integers(0, tokens_input - cache_read))
    tokens_output = draw(st.integers(0, MOST))
    between = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    return {
        "provider": provider,
        "model": model,
        "event_time": draw(between),
        "service_tier": draw(st.sampled_from(list(CONTEXTS))),
        "tokens_input": tokens_input,
        "tokens_cache_read": cache_read,
        "tokens_cache_write": cache_write,
        "tokens_cache_write_1h": draw(st.integers(0, cache_write)),
        "tokens_output": tokens_output,
        "tokens_reasoning": draw(st.integers(0, tokens_output)),
    }


def library_price(call: dict[str, Any]) -> Decimal | None:
    usage = Usage(
        input_tokens=call["tokens_input"],
        cache_read_tokens=call["tokens_cache_read"],
        cache_write_tokens=call["tokens_cache_write"],
        cache_write_1h_tokens=call["tokens_cache_write_1h"],
        output_tokens=call["tokens_output"],
        output_reasoning_tokens=call["tokens_reasoning"],
    )
    context = CONTEXTS[call["service_tier"]]
    library = PROVIDERS[call["provider"]]
    found = calc_price(
        usage,
        call["model"],
        provider_id=library,
        genai_request_timestamp=call["event_time"],
        price_context=context,
    )
    prices = found.model_price
    is_standard = prices == found.model.get_prices(call["event_time"])
    if call["provider"] in HOUR_OF_CACHE and "claude" in found.model.id.lower():
        prices = with_hour_of_cache(prices)
    if call["service_tier"] == "batch" and call["provider"] in HALF_PRICE_BATCH and is_standard:
        prices = changed(prices, halved)
    if call["service_tier"] == "flex" and HALF_PRICE_FLEX.concerns(call["provider"], found.model.id, "flex"):
        prices = changed(prices, halved) if is_standard else prices
    if not is_priced(call, prices):
        return None
    return Decimal(changed(prices, booked).calc_price(usage)["total_price"])


def is_priced(call: dict[str, Any], prices: ModelPrice) -> bool:
    """Whether every quantity has a price, its own or that of what it is part of."""
    read, write, hour = (call[f"tokens_cache_{part}"] for part in ("read", "write", "write_1h"))
    reasoning = call["tokens_reasoning"]
    charged = [
        (call["tokens_input"] - read - write, prices.input_mtok),
        (read, prices.cache_read_mtok or prices.input_mtok),
        (write - hour, prices.cache_write_mtok or prices.input_mtok),
        (hour, prices.cache_write_1h_mtok or prices.cache_write_mtok or prices.input_mtok),
        (call["tokens_output"] - reasoning, prices.output_mtok),
        (reasoning, prices.output_reasoning_mtok or prices.output_mtok),
    ]
    has_any = any(price is not None for _, price in charged) or prices.requests_kcount is not None
    return has_any and all(price is not None or not quantity for quantity, price in charged)


def with_hour_of_cache(prices: ModelPrice) -> ModelPrice:
    if prices.cache_write_1h_mtok is not None or prices.input_mtok is None:
        return prices
    known = {key: price for key, price in prices.__dict__.items() if price is not None}
    known.setdefault("cache_write_mtok", prices.input_mtok)  # the library wants one beside it
    return ModelPrice(**known, cache_write_1h_mtok=in_every_tier(prices.input_mtok, doubled))


def changed(prices: ModelPrice, change: Callable[[Decimal], Decimal]) -> ModelPrice:
    """The price set with `change` applied to every price of a token."""
    new = copy(prices)
    for key, price in prices.__dict__.items():
        if key.endswith("_mtok") and price is not None:
            setattr(new, key, in_every_tier(price, change))
    return new


def in_every_tier(price: Decimal | TieredPrices, change: Callable[[Decimal], Decimal]) -> Decimal | TieredPrices:
    if isinstance(price, Decimal):
        return change(price)
    tiers = [Tier(start=tier.start, price=change(tier.price)) for tier in price.tiers]
    return TieredPrices(base=change(price.base), tiers=tiers)


def halved(price: Decimal) -> Decimal:
    return price * Decimal("0.5")


def doubled(price: Decimal) -> Decimal:
    return price * 2


def booked(price: Decimal) -> Decimal:
    """A book holds 15 places of USD per token: nine per million."""
    return price.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def test_hundreds_of_models_are_drawn_from() -> None:
    assert len(set(MODELS)) == len(MODELS) > 500


@settings(same_calls, max_examples=6)
@given(batch=st.lists(calls(), min_size=30, max_size=60))
def test_a_call_costs_what_the_library_computes(pricing: Pricing, batch: list[dict[str, Any]]) -> None:
    for call, row in zip(batch, pricing.price(batch), strict=True):
        expected = library_price(call)
        if expected is None or expected == expected.quantize(PLACES):
            assert row["list_cost_usd"] == expected, call
        else:  # six products, each rounded once by at most half of the last place
            assert abs(row["list_cost_usd"] - expected) <= 3 * PLACES, call


@settings(same_calls, max_examples=4)
@given(batch=st.lists(calls(), min_size=30, max_size=60))
def test_meters_are_disjoint_and_add_up(pricing: Pricing, batch: list[dict[str, Any]]) -> None:
    inputs = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
    for call, row in zip(batch, pricing.price(batch), strict=True):
        assert sum(row[f"meter_{name}"] for name in inputs) == call["tokens_input"]
        outputs = [row[f"meter_{name}"] for name in ("output_text", "reasoning", "audio_output")]
        assert sum(outputs) == call["tokens_output"]
        assert min(outputs) >= 0
