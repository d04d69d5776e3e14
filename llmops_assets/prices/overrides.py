"""Prices that genai-prices lacks, each with its reason and source: `overrides.csv`.

An override is a factor on a price that the library does have, and applies only where the library has no
price of its own. It is worked into a book when the book is made, so that a later override never changes
a book that is in use.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from llmops_assets.prices.book import METERS

FILE = Path(__file__).with_name("overrides.csv")

TOKEN_METERS = tuple(meter for meter in METERS if meter not in ("web_search", "request"))


@dataclass(frozen=True)
class Override:
    """`meter` costs `factor` times `factor_of`; without meters, every token meter `factor` times itself."""

    provider: str
    model_contains: str
    service_tier: str
    meter: str
    factor: Decimal
    factor_of: str
    reason: str
    source: str

    def concerns(self, provider: str, model: str, service_tier: str) -> bool:
        """Whether it is about this model; one about a service tier is about that tier only."""
        return (self.provider, self.service_tier) == (provider, service_tier) and self.model_contains in model.lower()

    def prices(self, known: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The prices that it gives, from the `known` ones per meter."""
        sources = {self.meter: self.factor_of} if self.meter else {meter: meter for meter in TOKEN_METERS}
        return {meter: known[of] * self.factor for meter, of in sources.items() if of in known}


def load_overrides(file: Path = FILE) -> list[Override]:
    """The overrides on disk, in their order."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [Override(**{**row, "factor": Decimal(row["factor"])}) for row in csv.DictReader(lines)]  # type: ignore[arg-type]
