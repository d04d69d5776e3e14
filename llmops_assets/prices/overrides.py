"""Prices that genai-prices lacks, each with its reason and source: `overrides.csv`.

An override is a price, or a factor on a price that the library does have, and applies only where the library
has none of its own. It is worked into a book when the book is made, so that a later override never changes a
book that is in use. Models that the library lacks or has wrong are `prices.additions`.
"""

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from llmops_assets.prices.book import METERS

FILE = Path(__file__).with_name("overrides.csv")
MILLION = Decimal(1_000_000)

TOKEN_METERS = tuple(meter for meter in METERS if meter not in ("web_search", "request"))


@dataclass(frozen=True)
class Price:
    """USD per unit of a meter, and who says so."""

    usd: Decimal
    origin: str = "genai-prices"
    source: str = ""


@dataclass(frozen=True)
class Override:
    """`meter` costs `usd_per_million`, or `factor` times `factor_of`; without a meter, every token meter costs
    `factor` times itself."""

    provider: str
    model_pattern: str
    service_tier: str
    meter: str
    factor: Decimal | None
    factor_of: str
    usd_per_million: Decimal | None
    reason: str
    source: str

    def concerns(self, provider: str, model: str, service_tier: str) -> bool:
        """Whether it is about this model; one about a service tier is about that tier only."""
        is_of = (self.provider, self.service_tier) == (provider, service_tier)
        return is_of and re.search(self.model_pattern, model.lower()) is not None

    def prices(self, known: Mapping[str, Price]) -> dict[str, Price]:
        """The prices that it gives, from the `known` ones per meter."""
        if self.usd_per_million is not None:
            return {self.meter: self._price(self.usd_per_million / MILLION)} if known else {}
        factor = self.factor or Decimal(1)
        sources = {self.meter: self.factor_of} if self.meter else {meter: meter for meter in TOKEN_METERS}
        return {meter: self._price(known[of].usd * factor) for meter, of in sources.items() if of in known}

    def _price(self, usd: Decimal) -> Price:
        return Price(usd, "override", self.source)


def overridden(known: Mapping[str, Price], overrides: list[Override], own: Collection[str]) -> dict[str, Price]:
    """The prices with those of the overrides, in their order; a meter in `own` keeps the price it has."""
    found = dict(known)
    for override in overrides:
        if not override.meter or override.meter not in own:
            found |= override.prices(found)
    return found


def load_overrides(file: Path = FILE) -> list[Override]:
    """The overrides on disk, in their order."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [_override(row) for row in csv.DictReader(lines)]


def _override(row: dict[str, str]) -> Override:
    amounts = {name: Decimal(row[name]) if row[name] else None for name in ("factor", "usd_per_million")}
    return Override(**{**row, **amounts})  # type: ignore[arg-type]
