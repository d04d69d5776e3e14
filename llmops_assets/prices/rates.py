"""Prices per meter at one instant, with the fallbacks that make a meter priced.

The library's units nest, ours are disjoint: a part without a price of its own is charged as what it is
part of (a cache read as input, reasoning as output), which is how the library splits a usage. Belongs
here: one price set of the library to rates per meter and input size.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from llmops_assets.prices.overrides import Override, Price, overridden

_INPUT = "input_mtok"
_WRITE = "cache_write_mtok"
_OUTPUT = "output_mtok"

# Meter -> the library's price keys, the first that has a price counts.
PRICE_KEYS: dict[str, tuple[str, ...]] = {
    "input_uncached": (_INPUT,),
    "cache_read": ("cache_read_mtok", _INPUT),
    "cache_write_5m": ("cache_write_5m_mtok", _WRITE, _INPUT),
    "cache_write_1h": ("cache_write_1h_mtok", _WRITE, _INPUT),
    "audio_input": ("input_audio_mtok", _INPUT),
    "image_input": ("input_image_mtok", _INPUT),
    "output_text": (_OUTPUT,),
    "reasoning": ("output_reasoning_mtok", _OUTPUT),
    "audio_output": ("output_audio_mtok", _OUTPUT),
    "web_search": ("web_searches_kcount",),
    "request": ("requests_kcount",),
}

# Our service tier -> how the library is asked for it.
CONTEXTS: dict[str, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "fast": {"service_tier": "fast"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}

_PER = {unit["price_key"]: Decimal(unit["per"]) for unit in unit_data.values()}


@dataclass(frozen=True)
class Rates:
    """The price of each meter, for calls with tier_start <= input tokens < tier_end."""

    tier_start: int
    tier_end: int | None
    prices: dict[str, Price]


def rates(
    model: ModelInfo, provider: str, is_own: bool, service_tier: str, at: datetime, *, overrides: list[Override]
) -> list[Rates]:
    """The rates of `model` at an instant, by input size. As in the library, a service tier without a price
    has the standard one, unless an override knows better."""
    context = CONTEXTS[service_tier] if service_tier and is_own else None
    resolved = model.get_prices(at, context)
    has_variant = context is not None and any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in model.price_variants or ()
    )
    used = [
        override
        for override in overrides
        if override.concerns(provider, model.id, "")
        or (not has_variant and service_tier and override.concerns(provider, model.id, service_tier))
    ]
    starts = _tier_starts(resolved)
    return [_rates(resolved, start, end, used) for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _tier_starts(prices: ModelPrice) -> list[int]:
    """The library changes price above `start`, so ours begin one token later."""
    tiered = [price for price in prices.__dict__.values() if isinstance(price, TieredPrices)]
    return sorted({0} | {tier.start + 1 for price in tiered for tier in price.tiers})


def _rates(prices: ModelPrice, start: int, end: int | None, overrides: list[Override]) -> Rates:
    found: dict[str, Price] = {}
    own: set[str] = set()
    for meter, keys in PRICE_KEYS.items():
        key = next((key for key in keys if getattr(prices, key) is not None), None)
        if key is not None:
            found[meter] = Price(_at(getattr(prices, key), start) / _PER[key])
            own |= {meter} if key == keys[0] else set()
    return Rates(start, end, overridden(found, overrides, own))


def _at(price: Decimal | TieredPrices, input_tokens: int) -> Decimal:
    """The price of a whole call of that size: crossing a tier's start moves all of its tokens."""
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base
