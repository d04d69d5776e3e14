"""Models that genai-prices lacks or has wrong, with dated prices, reasons and sources: `additions.csv`.

They stand in front of the library's models. Belongs here: reading the file. A line is one set of prices in USD
per million; lines of one model are apart in dates, time of day, size or service tier, which a test holds.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from llmops_assets.prices.book import METERS
from llmops_assets.prices.names import Clause, Groups
from llmops_assets.prices.overrides import MILLION, Price

FILE = Path(__file__).with_name("additions.csv")

LIMITS = (
    *("context_window", "service_tier", "region_scope", "valid_from", "valid_to"),
    *("daily_from", "daily_to", "tier_start", "tier_end"),
)


@dataclass(frozen=True)
class Addition:
    """One set of prices of a model of one provider; `limits` are columns of a book."""

    provider: str
    model: str
    match: Groups
    limits: dict[str, str]
    prices: dict[str, Price]
    reason: str
    source: str


def load_additions(file: Path = FILE) -> list[Addition]:
    """The additions on disk, in their order; a line for several providers is one for each."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [addition for row in csv.DictReader(lines) for addition in _of_line(row)]


def _of_line(row: dict[str, str]) -> Iterator[Addition]:
    prices = {
        meter: Price(Decimal(row[meter]) / MILLION, "addition", row["source"]) for meter in METERS if row.get(meter)
    }
    clauses: list[Clause] = []
    for clause in row["match"].split(" | "):
        kind, _, text = clause.partition(" ")
        clauses.append((kind, text))
    limits = {name: row.get(name, "") for name in LIMITS} | {"tier_start": row["tier_start"] or "0"}
    for provider in row["providers"].split(" "):
        yield Addition(provider, row["model"], [clauses], limits, prices, row["reason"], row["source"])
