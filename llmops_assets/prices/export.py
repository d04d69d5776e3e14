"""Making a price book from the installed genai-prices: `python -m llmops_assets.prices.export`.

The library itself is asked for its prices at every instant at which they change, so that dates, times of
day and service tiers resolve exactly as it resolves them. Decimals only. Belongs here: walking the
library and writing a book. What the library lacks is `prices.overrides`, model names are `prices.matching`.
"""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from pathlib import Path

from genai_prices.data import providers as library_providers
from genai_prices.types import ModelInfo, Provider

from llmops_assets.prices.book import BOOK_COLUMNS, BOOKS, METERS, PriceBookError
from llmops_assets.prices.matching import groups
from llmops_assets.prices.overrides import Override, load_overrides
from llmops_assets.prices.periods import Period, periods
from llmops_assets.prices.rates import CONTEXTS, Rates, rates

# The library's provider -> the names that events carry. One that is not listed keeps its name.
EVENT_PROVIDERS = {"aws": ("bedrock",), "google": ("google", "vertex_ai"), "x-ai": ("xai",)}

UNIT = Decimal("1e-15")
MOST_USD = Decimal(1000)
"""Up to here a price times 2^63 stays within a decimal(38, 15)."""


@dataclass(frozen=True)
class Candidate:
    """A model that a provider's calls may mean. Variants hold only for the provider's own models."""

    provider: str
    rank: int
    model: ModelInfo
    is_own: bool


def default_version() -> str:
    """The name of a book made now."""
    return f"genai-prices-{version('genai-prices')}"


def export(folder: Path = BOOKS, price_version: str | None = None) -> Path:
    """Write a book and return its path. An existing book is never changed."""
    path = folder / f"{price_version or default_version()}.csv"
    text = book_text()
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise PriceBookError(
            f"{path} exists with other prices, and a book never changes: give the new one a name of its own, "
            f"such as {path.stem}.1"
        )
    path.write_text(text, encoding="utf-8", newline="")
    return path


def book_text(providers: Iterable[Provider] = library_providers) -> str:
    """The book as CSV."""
    overrides = load_overrides()
    rows = [row for candidate in _candidates(list(providers)) for row in _rows(candidate, overrides)]
    text = io.StringIO()
    writer = csv.DictWriter(text, BOOK_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _candidates(providers: list[Provider]) -> list[Candidate]:
    """Per provider its own models, then those of the providers it falls back to, one step far."""
    by_id = {provider.id: provider for provider in providers}
    found = []
    for provider in providers:
        models = [(model, True) for model in provider.models]
        for fallback in provider.fallback_model_providers or ():
            models += [(model, False) for model in by_id[fallback].models]
        for name in EVENT_PROVIDERS.get(provider.id, (provider.id,)):
            found += [Candidate(name, rank, model, own) for rank, (model, own) in enumerate(models)]
    return sorted(found, key=lambda candidate: (candidate.provider, candidate.rank))


def _rows(candidate: Candidate, overrides: list[Override]) -> Iterator[dict[str, str]]:
    model = candidate.model
    known = {
        "provider": candidate.provider,
        "model": model.id,
        "match_rank": str(candidate.rank),
        "match": json.dumps(groups(model.match), separators=(",", ":"), ensure_ascii=False),
        "context_window": str(model.context_window or ""),
    }
    for tier in _service_tiers(candidate, overrides):
        for period, found in _merged(candidate, tier, overrides):
            for one in found:
                yield known | {"service_tier": tier} | period.as_text() | _as_text(one)


def _service_tiers(candidate: Candidate, overrides: list[Override]) -> list[str]:
    """Standard (empty), and those for which anyone has a price of its own."""
    own = [variant.when for variant in candidate.model.price_variants or ()] if candidate.is_own else []
    return [""] + [
        tier
        for tier, context in CONTEXTS.items()
        if context in own or any(o.concerns(candidate.provider, candidate.model.id, tier) for o in overrides)
    ]


def _merged(candidate: Candidate, tier: str, overrides: list[Override]) -> list[tuple[Period, list[Rates]]]:
    """The rates per period; neighbours with equal rates are one period."""
    merged: list[tuple[Period, list[Rates]]] = []
    for period in periods(candidate.model):
        found = rates(candidate.model, candidate.provider, candidate.is_own, tier, period.instant, overrides=overrides)
        if merged and merged[-1][1] == found and merged[-1][0].meets(period):
            merged[-1] = (merged[-1][0].until(period), found)
        else:
            merged.append((period, found))
    return merged


def _as_text(one: Rates) -> dict[str, str]:
    row = {meter: _price(one.prices[meter]) if meter in one.prices else "" for meter in METERS}
    tiers = {"tier_start": str(one.tier_start), "tier_end": str(one.tier_end or "")}
    return row | tiers | {"overridden": " ".join(meter for meter in METERS if meter in one.overridden)}


def _price(usd: Decimal) -> str:
    if not 0 <= usd <= MOST_USD:
        raise PriceBookError(f"a price of {usd} USD per unit is outside 0 to {MOST_USD}: correct it in an override")
    rounded = usd.quantize(UNIT, ROUND_HALF_EVEN)
    return f"{rounded.normalize():f}"


if __name__ == "__main__":
    sys.stdout.write(f"{export(price_version=sys.argv[1] if len(sys.argv) > 1 else None)}\n")
