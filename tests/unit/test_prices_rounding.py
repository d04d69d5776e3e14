"""Changes of price and the rounding of products, in books made up for it."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pricing_sql import NOON, Pricing, usd

from llmops_assets.prices.book import BOOK_COLUMNS

JUST_BEFORE = timedelta(microseconds=1)


@pytest.fixture
def two_books(tmp_path: Path) -> Iterator[Path]:
    """In book 1 a price changes at noon; book 2 has prices of more than 12 places."""
    noon = "2026-06-01T12:00:00Z"
    books = {
        "b-9": [("input_uncached", "1", {"valid_to": noon}), ("input_uncached", "2", {"valid_from": noon})],
        "b-10": [("input_uncached", "0.0000005", {})],
    }
    for known_from, (name, prices) in zip(("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"), books.items(), strict=True):
        rows = [(limits, meter, price) for meter, price, limits in prices]
        rows += [(limits, "output_text", "0.0000015") for _, _, limits in prices]
        _write(tmp_path / f"{name}.csv", known_from, rows)
    yield tmp_path


def _write(path: Path, known_from: str, rows: list[tuple[dict[str, str], str, str]]) -> None:
    common = {"known_from": known_from, "provider": "openai", "model": "m", "match_rank": "0", "tier_start": "0"}
    with path.open("w", encoding="utf-8", newline="") as book:
        writer = csv.DictWriter(book, BOOK_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for limits, meter, price in rows:
            found = {"match": '[[["equals","m"]]]', "origin": "genai-prices", "meter": meter, "usd_per_million": price}
            writer.writerow(common | found | limits)


def test_a_change_of_price_applies_from_its_instant(two_books: Path) -> None:
    call = {"provider": "openai", "model": "m", "tokens_input": 10, "tokens_output": 0}
    before, after = Pricing(two_books).price([{**call, "event_time": NOON - JUST_BEFORE}, call], newest="b-9")
    assert (before["list_cost_usd"], after["list_cost_usd"]) == (usd("0.00001"), usd("0.00002"))


def test_every_hour_keeps_its_own_book(two_books: Path) -> None:
    call = {"provider": "openai", "model": "m", "tokens_input": 2, "tokens_output": 0}
    pricing = Pricing(two_books)
    pricing.use_book("b-9", [NOON])
    rows = pricing.price([call, {**call, "event_time": NOON + timedelta(hours=1)}], newest="b-10")
    assert [row["price_version"] for row in rows] == ["b-9", "b-10"]
    assert [row["list_cost_usd"] for row in rows] == [usd("0.000004"), usd("1e-12")]


@pytest.mark.parametrize(
    ("tokens_input", "tokens_output", "picodollars"),
    [(1, 0, 0), (3, 0, 2), (5, 0, 2), (0, 1, 2), (0, 3, 4), (1, 1, 2), (2, 2, 4)],
)
def test_each_product_is_rounded_once_and_ties_go_to_even(
    two_books: Path, tokens_input: int, tokens_output: int, picodollars: int
) -> None:
    # 0.5 and 1.5 picodollars a token: 0.5 → 0, 1.5 → 2, 2.5 → 2, 4.5 → 4
    call = {"provider": "openai", "model": "m", "tokens_input": tokens_input, "tokens_output": tokens_output}
    assert Pricing(two_books).price([call], newest="b-10")[0]["list_cost_usd"] == usd(f"{picodollars}e-12")
