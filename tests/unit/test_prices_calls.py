"""What calls cost: every figure here was worked out by hand from published list prices."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pricing_sql import NOON, Pricing, usd

from llmops_assets.prices.book import BOOK_COLUMNS

GPT = {"provider": "openai", "model": "gpt-4o", "tokens_input": 1000, "tokens_output": 500}
JUST_BEFORE = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def pricing() -> Pricing:
    return Pricing()


@pytest.fixture
def price(pricing: Pricing) -> Any:
    def one(event: dict[str, Any]) -> dict[str, Any]:
        return pricing.price([event])[0]

    return one


def test_a_cached_part_of_the_input_costs_the_cache_price(price: Any) -> None:
    row = price({**GPT, "tokens_cache_read": 400})
    # 600 × 2.50 + 400 × 1.25 + 500 × 10.00 per million
    assert row["list_cost_usd"] == row["cost_usd"] == usd("0.007")
    assert (row["input_cost_usd"], row["output_cost_usd"]) == (usd("0.002"), usd("0.005"))
    assert (row["meter_input_uncached"], row["meter_cache_read"], row["meter_output_text"]) == (600, 400, 500)
    assert (row["cost_source"], row["price_model"], row["is_unpriced"]) == ("list", "gpt-4o", False)
    assert row["flags"] == []


def test_a_dated_name_of_a_model_has_its_price(price: Any) -> None:
    # 1000 × 0.15 + 500 × 0.60 per million
    row = price({**GPT, "model": "GPT-4o-mini-2024-07-18"})
    assert (row["list_cost_usd"], row["price_model"]) == (usd("0.00045"), "gpt-4o-mini")


def test_cache_writes_of_five_minutes_and_an_hour_have_their_own_prices(price: Any) -> None:
    row = price(
        {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5-20250929",
            "tokens_input": 10_000,
            "tokens_cache_read": 2_000,
            "tokens_cache_write": 5_000,
            "tokens_cache_write_1h": 1_000,
            "tokens_output": 800,
        }
    )
    # 3000 × 3 + 2000 × 0.30 + 4000 × 3.75 + 1000 × 6 + 800 × 15 per million
    assert row["list_cost_usd"] == usd("0.0426")
    assert row["meter_cache_write_5m"] == 4_000


def test_an_hour_of_cache_costs_twice_the_input_where_the_library_has_no_price_for_it(price: Any) -> None:
    row = price(
        {
            "provider": "vertex_ai",
            "model": "claude-3-5-sonnet@20240620",
            "tokens_input": 1_000_000,
            "tokens_cache_write": 1_000_000,
            "tokens_cache_write_1h": 1_000_000,
            "tokens_output": 0,
        }
    )
    assert row["list_cost_usd"] == usd("6")


@pytest.mark.parametrize(("tokens_input", "expected"), [(200_000, "0.26"), (200_001, "0.5150025")])
def test_past_the_threshold_the_whole_call_has_the_price_of_the_tier(
    price: Any, tokens_input: int, expected: str
) -> None:
    # 1.25 and 10 per million up to 200,000 input tokens, 2.50 and 15 above
    row = price({"provider": "google", "model": "gemini-2.5-pro", "tokens_input": tokens_input, "tokens_output": 1_000})
    assert row["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOON, "0.00026"),  # 400 × 0.27 + 600 × 0.07 + 100 × 1.10
        (NOON.replace(hour=16, minute=30) - JUST_BEFORE, "0.00026"),
        (NOON.replace(hour=16, minute=30), "0.00013"),  # half of it off-peak
        (NOON.replace(hour=0, minute=30) - JUST_BEFORE, "0.00013"),
        (NOON.replace(hour=0, minute=30), "0.00026"),
    ],
)
def test_off_peak_hours_are_half_open_and_in_utc(price: Any, at: datetime, expected: str) -> None:
    call = {"provider": "deepseek", "model": "deepseek-chat", "tokens_input": 1_000, "tokens_output": 100}
    assert price({**call, "tokens_cache_read": 600, "event_time": at})["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize("at", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)])
def test_batch_is_half_price_before_and_after_the_library_knows_of_it(price: Any, at: datetime) -> None:
    assert price({**GPT, "service_tier": "batch", "event_time": at})["list_cost_usd"] == usd("0.00375")


def test_batch_on_azure_is_half_of_the_vendors_price(price: Any) -> None:
    row = price({**GPT, "provider": "azure", "service_tier": "batch"})
    assert (row["list_cost_usd"], row["price_model"]) == (usd("0.00375"), "gpt-4o")


def test_a_service_tier_without_a_price_has_the_standard_one(price: Any) -> None:
    assert price({**GPT, "service_tier": "auto"})["list_cost_usd"] == usd("0.0075")


def test_a_price_holds_from_its_date_on(price: Any) -> None:
    call = {"provider": "anthropic", "model": "claude-opus-4-6", "tokens_input": 300_000, "tokens_output": 1_000}
    change = datetime(2026, 3, 13, tzinfo=UTC)
    # 10 and 37.50 per million for long prompts until then, 5 and 25 for all from then on
    assert price({**call, "event_time": change - JUST_BEFORE})["list_cost_usd"] == usd("3.0375")
    assert price({**call, "event_time": change})["list_cost_usd"] == usd("1.525")


def test_audio_and_reasoning_are_charged_apart(price: Any) -> None:
    row = price(
        {
            "provider": "openai",
            "model": "gpt-4o-audio-preview",
            "tokens_input": 1_000,
            "tokens_audio_input": 300,
            "tokens_output": 200,
            "tokens_audio_output": 50,
            "tokens_reasoning": 20,
        }
    )
    assert [row[f"meter_{name}"] for name in ("audio_input", "audio_output", "reasoning", "output_text")] == [
        300,
        50,
        20,
        130,
    ]


def test_parts_never_exceed_what_the_parts_before_them_left(price: Any) -> None:
    row = price(
        {**GPT, "tokens_cache_read": 900, "tokens_audio_input": 80, "tokens_image_input": 70, "tokens_reasoning": 900}
    )
    assert [row[f"meter_{name}"] for name in ("cache_read", "audio_input", "image_input", "input_uncached")] == [
        900,
        80,
        20,
        0,
    ]
    assert (row["meter_reasoning"], row["meter_output_text"]) == (500, 0)


@pytest.mark.parametrize(
    "unknown",
    [
        {"model": "no-such-model"},
        {"model": None, "requested_model": "gpt-4o"},
        {"provider": "no-such-provider"},
        {"provider": None},
        {"model": "whisper-1"},
    ],
)
def test_what_is_not_in_the_book_costs_null_and_never_zero(price: Any, unknown: dict[str, Any]) -> None:
    row = price({**GPT, **unknown})
    assert (row["list_cost_usd"], row["cost_usd"], row["input_cost_usd"]) == (None, None, None)
    assert (row["cost_source"], row["is_unpriced"], row["flags"]) == ("unpriced", True, ["unpriced"])


def test_a_quantity_without_a_price_makes_the_cost_unknown(price: Any) -> None:
    call = {"provider": "deepseek", "model": "deepseek-chat", "tokens_input": 10, "tokens_output": 10}
    assert price({**call, "web_search_requests": 1})["cost_usd"] is None
    assert price({**call, "web_search_requests": 0})["cost_usd"] is not None


@pytest.mark.parametrize("missing", [{"tokens_input": None}, {"tokens_output": None}])
def test_unknown_usage_costs_null_and_is_told_apart_from_an_unknown_price(
    price: Any, missing: dict[str, None]
) -> None:
    row = price({**GPT, **missing})
    assert (row["cost_usd"], row["is_unpriced"], row["flags"]) == (None, True, ["usage_missing"])


def test_an_embedding_has_no_output(price: Any) -> None:
    row = price(
        {
            "provider": "openai",
            "model": "text-embedding-3-small",
            "operation": "embedding",
            "tokens_input": 1_000,
            "tokens_output": None,
        }
    )
    assert (row["cost_usd"], row["meter_output_text"], row["tokens_output"]) == (usd("0.00002"), 0, None)


def test_a_failed_call_costs_what_it_consumed(price: Any) -> None:
    failed = {**GPT, "model": None, "requested_model": "gpt-4o", "status": "error", "status_code": 500}
    assert price({**failed, "tokens_output": 0})["cost_usd"] == usd("0.0025")


@pytest.mark.parametrize("usage", [None, 0])
def test_a_refused_call_without_usage_is_free_and_a_timeout_is_unknown(price: Any, usage: int | None) -> None:
    failed = {**GPT, "status": "error", "tokens_input": usage, "tokens_output": usage}
    refused = price({**failed, "status_code": 429})
    assert (refused["cost_usd"], refused["cost_source"], refused["flags"]) == (0, "free", [])
    broken = price({**failed, "status_code": 504})
    assert (broken["cost_usd"], broken["cost_source"], broken["flags"]) == (None, "unpriced", ["usage_missing"])


def test_a_cache_hit_is_free_and_saves_its_meters_at_list(price: Any) -> None:
    row = price({**GPT, "cache_hit": True})
    assert (row["cost_usd"], row["list_cost_usd"], row["input_cost_usd"], row["cost_source"]) == (0, 0, 0, "free")
    assert row["saved_cost_usd"] == usd("0.0075")
    assert price({**GPT, "cache_hit": True, "saved_cost_usd": Decimal("0.5")})["saved_cost_usd"] == usd("0.5")


@pytest.mark.parametrize(
    ("reported", "cost", "source", "flags"),
    [
        ({"reported_cost_usd": "3", "reported_cost_kind": "billed"}, "3", "billed", []),
        ({"reported_cost_usd": "0", "reported_cost_kind": "billed"}, "0", "billed", []),
        ({"reported_cost_usd": "0", "reported_cost_kind": "billed", "cache_hit": True}, "0", "billed", []),
        ({"reported_cost_usd": "0.3", "reported_cost_kind": "estimated", "source": "ledger"}, "0.3", "reported", None),
        ({"source": "ledger"}, "0.0075", "list", []),
        ({"reported_cost_usd": "0.007875", "reported_cost_kind": "estimated"}, "0.0075", "list", []),
        ({"reported_cost_usd": "0.007876", "reported_cost_kind": "estimated"}, "0.0075", "list", ["cost_disagrees"]),
        (
            {"reported_cost_usd": "0.751", "reported_cost_kind": "estimated"},
            "0.0075",
            "list",
            ["cost_disagrees", "cost_outlier"],
        ),
        ({"reported_cost_usd": "0.02", "reported_cost_kind": "estimated", "model": "own"}, "0.02", "estimated", None),
        ({"reported_cost_usd": "0", "reported_cost_kind": "estimated", "model": "own"}, None, "unpriced", None),
    ],
)
def test_the_first_source_of_a_cost_that_applies_wins(
    price: Any, reported: dict[str, Any], cost: str | None, source: str, flags: list[str] | None
) -> None:
    claimed = {key: Decimal(value) if key == "reported_cost_usd" else value for key, value in reported.items()}
    row = price({**GPT, **claimed})
    assert (row["cost_usd"], row["cost_source"]) == (cost if cost is None else usd(cost), source)
    assert flags is None or row["flags"] == flags


def test_a_zero_that_means_missing_disagrees_with_nothing(price: Any) -> None:
    zero = {"reported_cost_usd": Decimal(0), "reported_cost_kind": "estimated"}
    row = price({**GPT, **zero, "flags": ["reported_cost_zero_is_missing"]})
    assert (row["cost_usd"], row["flags"]) == (usd("0.0075"), ["reported_cost_zero_is_missing"])


def test_input_beyond_the_context_window_is_flagged(price: Any) -> None:
    assert price({**GPT, "tokens_input": 128_001})["flags"] == ["exceeds_context_window"]
    assert price({**GPT, "tokens_input": 128_000})["flags"] == []


def test_the_largest_count_neither_overflows_nor_loses_a_token(price: Any) -> None:
    most = 2**63 - 1
    row = price({**GPT, "tokens_input": most, "tokens_output": 0})
    assert row["list_cost_usd"] == usd("23058430092136.9395175")  # × 2.50 per million


@pytest.fixture
def two_books(tmp_path: Path) -> Iterator[Path]:
    """In book 1 a price changes at noon; book 2 has prices of more than 12 places."""
    common = {"provider": "openai", "model": "m", "match_rank": "0", "match": '[[["equals","m"]]]', "tier_start": "0"}
    noon = "2026-06-01T12:00:00Z"
    books = {
        "b-9": [{"input_uncached": "0.000001", "valid_to": noon}, {"input_uncached": "0.000002", "valid_from": noon}],
        "b-10": [{"input_uncached": "0.0000000000005"}],
    }
    for name, rows in books.items():
        full = [{"output_text": "0.0000000000015", "request": "0", **common, **row} for row in rows]
        lines = [",".join(BOOK_COLUMNS)]
        lines += [",".join('"' + row.get(c, "").replace('"', '""') + '"' if row.get(c) else "" for c in BOOK_COLUMNS) for row in full]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    yield tmp_path


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
