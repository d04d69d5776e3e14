"""Making a price book from the installed genai-prices: what `llmops prices update` does.

The library itself is asked for its prices at every instant at which they change, so that dates, times of
day and service tiers resolve exactly as it resolves them. Decimals only. Belongs here: walking the library and
writing a book. What it lacks is `prices.overrides` and `prices.additions`, model names are `prices.matching`.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from genai_prices.data import providers as library_providers
from genai_prices.types import ModelInfo, Provider

from llmops_assets.prices.additions import Addition, load_additions
from llmops_assets.prices.book import (
    BOOK_COLUMNS,
    BOOKS,
    CHARGED_AS,
    METERS,
    PriceBookError,
    by_number,
    current_version,
    known_from,
    versions,
)
from llmops_assets.prices.matching import groups
from llmops_assets.prices.overrides import MILLION, Override, Price, load_overrides, overridden
from llmops_assets.prices.periods import Period, periods
from llmops_assets.prices.rates import CONTEXTS, Rates, rates

# The library's provider -> the names that events carry. One that is not listed keeps its name.
EVENT_PROVIDERS = {"aws": ("bedrock",), "google": ("google", "vertex_ai"), "x-ai": ("xai",)}

SCOPES = frozenset({"global", "regional"})
"""First words of the ids under which the library keeps prices of cross-region profiles."""

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


def library_version() -> str:
    """The installed library, as versions of books name it."""
    return f"genai-prices-{version('genai-prices')}"


def next_version(folder: Path = BOOKS) -> str:
    """The name of a book made now: the library's, with a number behind it if that book exists."""
    base, number = library_version(), 1
    if base not in versions(folder):
        return base
    while f"{base}.{number}" in versions(folder):
        number += 1
    return f"{base}.{number}"


def export(folder: Path = BOOKS, price_version: str | None = None, at: datetime | None = None) -> Path | None:
    """Write a book known from `at` on and return its path; None if the newest has the same rows.

    An existing book is never changed, and no book is older than one before it.
    """
    known_at = f"{(at or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if versions(folder):
        newest = current_version(folder)
        before = known_from(newest, folder)
        if book_text(before) == (folder / f"{newest}.csv").read_text(encoding="utf-8"):
            return None
        if known_at <= before:
            raise PriceBookError(f"a book known from {known_at} would be older than {newest}, known from {before}")
    name = price_version or next_version(folder)
    path = folder / f"{name}.csv"
    if path.exists():
        raise PriceBookError(f"{path} exists with other prices, and a book never changes: give the new one a new name")
    if sorted([*versions(folder), name], key=by_number)[-1] != name:
        raise PriceBookError(f"{name} sorts before {current_version(folder)}: the newest book must have the last name")
    try:
        path.write_text(book_text(known_at), encoding="utf-8", newline="")
    except OSError as error:
        raise PriceBookError(f"cannot write {path}: {error.strerror}; run it in a checkout of your own") from error
    return path


def book_text(known_at: str, providers: Iterable[Provider] = library_providers) -> str:
    """The book as CSV, known from that time on. An addition takes the place of the library's model of its name."""
    overrides, additions = load_overrides(), load_additions()
    rows = [row for addition in _ranked(additions) for row in _added(*addition, overrides)]
    replaced = {(one.provider, one.model) for one in additions}
    for candidate in _candidates(list(providers)):
        if (candidate.provider, candidate.model.id) not in replaced:
            rows += _rows(candidate, overrides)
    rows.sort(key=lambda row: (row["provider"], int(row["match_rank"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, BOOK_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"known_from": known_at} | row for row in rows)
    return text.getvalue()


def _ranked(additions: list[Addition]) -> list[tuple[int, Addition]]:
    """Additions of a provider in their order, all of them before the library's models, which begin at 0."""
    found = []
    for _, several in groupby(sorted(additions, key=lambda one: one.provider), key=lambda one: one.provider):
        ordered = list(several)
        models = list(dict.fromkeys(one.model for one in ordered))
        found += [(models.index(one.model) - len(models), one) for one in ordered]
    return found


def _added(rank: int, addition: Addition, overrides: list[Override]) -> Iterator[dict[str, str]]:
    known = {
        "provider": addition.provider,
        "model": addition.model,
        "match_rank": str(rank),
        "match": _as_json(addition.match),
    }
    for tier in ["", *CONTEXTS]:
        concerned = [one for one in overrides if one.concerns(addition.provider, addition.model, tier)]
        if not tier or concerned:
            always = [one for one in overrides if one.concerns(addition.provider, addition.model, "")]
            prices = overridden(addition.prices, always + (concerned if tier else []), addition.prices.keys())
            yield from _as_rows(known | addition.limits | {"service_tier": tier}, prices)


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
    scope = model.id.partition(".")[0]
    known = {
        "provider": candidate.provider,
        "model": model.id,
        "match_rank": str(candidate.rank),
        "match": _as_json(groups(model.match)),
        "context_window": str(model.context_window or ""),
        "region_scope": scope if scope in SCOPES else "",
    }
    for tier in _service_tiers(candidate, overrides):
        for period, found in _merged(candidate, tier, overrides):
            for one in found:
                limits = {"tier_start": str(one.tier_start), "tier_end": str(one.tier_end or "")}
                yield from _as_rows(known | {"service_tier": tier} | period.as_text() | limits, one.prices)


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


def _as_rows(known: dict[str, str], prices: dict[str, Price]) -> Iterator[dict[str, str]]:
    """A row per price; none for a meter that is charged as what it is part of, one without a price for none."""
    written = [meter for meter in METERS if meter in prices and not _is_charged_as_another(meter, prices)]
    for meter in written:
        price = prices[meter]
        amount = {"meter": meter, "usd_per_million": _per_million(price.usd)}
        yield known | amount | {"origin": price.origin, "source": price.source}
    if not written:
        yield known | {"meter": METERS[0], "origin": "genai-prices"}


def _is_charged_as_another(meter: str, prices: dict[str, Price]) -> bool:
    whole = prices.get(CHARGED_AS.get(meter, ""))
    return whole is not None and whole.usd == prices[meter].usd


def _as_json(match: object) -> str:
    return json.dumps(match, separators=(",", ":"), ensure_ascii=False)


def _per_million(usd: Decimal) -> str:
    """The price of a million units, which has six places less than that of one."""
    if not 0 <= usd <= MOST_USD:
        raise PriceBookError(f"a price of {usd} USD per unit is outside 0 to {MOST_USD}: correct it in an override")
    rounded = usd.quantize(UNIT, ROUND_HALF_EVEN) * MILLION
    return f"{rounded.normalize():f}"
