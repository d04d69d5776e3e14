"""What calls cost: every figure here was worked out by hand from published list prices."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pricing_sql import GPT, NOON, usd

JUST_BEFORE = timedelta(microseconds=1)


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


OFF_PEAK_DAY = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OFF_PEAK_DAY, "0.00026"),  # 400 × 0.27 + 600 × 0.07 + 100 × 1.10
        (OFF_PEAK_DAY.replace(hour=16, minute=30) - JUST_BEFORE, "0.00026"),
        (OFF_PEAK_DAY.replace(hour=16, minute=30), "0.00013"),  # half of it off-peak
        (OFF_PEAK_DAY.replace(hour=0, minute=30) - JUST_BEFORE, "0.00013"),
        (OFF_PEAK_DAY.replace(hour=0, minute=30), "0.00026"),
        # 400 × 0.14 + 600 × 0.014 + 100 × 0.28 until the introductory price ended
        (datetime(2025, 2, 8, 16, tzinfo=UTC) - JUST_BEFORE, "0.0000924"),
        (datetime(2025, 2, 8, 16, tzinfo=UTC), "0.00026"),
        (datetime(2025, 2, 20, 20, tzinfo=UTC), "0.00026"),  # no off-peak hours yet
        # 400 × 0.56 + 600 × 0.07 + 100 × 1.68 from 2025-09-05 16:00, at any hour
        (datetime(2025, 9, 5, 16, tzinfo=UTC) - JUST_BEFORE, "0.00026"),
        (datetime(2025, 9, 5, 17, tzinfo=UTC), "0.000434"),
        (datetime(2025, 9, 29, tzinfo=UTC), "0.0001708"),  # 400 × 0.28 + 600 × 0.028 + 100 × 0.42
    ],
)
def test_deepseeks_off_peak_hours_are_half_open_in_utc_and_over(price: Any, at: datetime, expected: str) -> None:
    call = {"provider": "deepseek", "model": "deepseek-chat", "tokens_input": 1_000, "tokens_output": 100}
    assert price({**call, "tokens_cache_read": 600, "event_time": at})["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-audio-preview-2024-12-17", "0.01935"),  # 700 × 2.50 + 300 × 40 + 160 × 10 + 50 × 80
        ("gpt-4o-audio-preview-2024-10-01", "0.04335"),  # audio at 100 and 200
        ("gpt-4o-mini-audio-preview", "0.004201"),  # 700 × 0.15 + 300 × 10 + 160 × 0.60 + 50 × 20
    ],
)
def test_audio_of_the_preview_models_is_charged_as_audio(price: Any, model: str, expected: str) -> None:
    call = {"provider": "openai", "model": model, "tokens_input": 1_000, "tokens_audio_input": 300}
    row = price({**call, "tokens_output": 210, "tokens_audio_output": 50})
    assert row["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("ft:gpt-4.1-2025-04-14:acme::B1", "0.00825"),  # 600 × 3 + 600 × 0.75 + 500 × 12
        ("ft:gpt-4.1-mini-2025-04-14:acme::B1", "0.0022"),  # 600 × 0.80 + 600 × 0.20 + 500 × 3.20
        ("ft:gpt-4o-2024-08-06:acme::B1", "0.010875"),  # 600 × 3.75 + 600 × 1.875 + 500 × 15
    ],
)
def test_a_fine_tuned_model_has_prices_of_its_own(price: Any, model: str, expected: str) -> None:
    call = {"provider": "openai", "model": model, "tokens_input": 1_200, "tokens_cache_read": 600}
    assert price({**call, "tokens_output": 500})["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize(("at", "tier"), [(NOON, "flex"), (NOON, "batch"), (datetime(2026, 11, 1, tzinfo=UTC), "flex")])
def test_flex_is_half_price_before_and_after_the_library_knows_of_it(price: Any, at: datetime, tier: str) -> None:
    # 1000 × 1.25 + 500 × 10 per million, and half of it
    call = {**GPT, "model": "gpt-5", "event_time": at}
    assert price(call)["list_cost_usd"] == usd("0.00625")
    assert price({**call, "service_tier": tier})["list_cost_usd"] == usd("0.003125")


@pytest.mark.parametrize(("provider", "web"), [("anthropic", "0.01"), ("bedrock", "0"), ("vertex_ai", "0.01")])
def test_a_long_context_of_claude_sonnet_4_is_dearer_on_every_platform(price: Any, provider: str, web: str) -> None:
    model = {"bedrock": "anthropic.claude-sonnet-4-20250514-v1:0"}.get(provider, "claude-sonnet-4-20250514")
    call = {"provider": provider, "model": model, "tokens_input": 200_000, "tokens_output": 1_000}
    searches = 1 if web != "0" else 0
    short = price({**call, "web_search_requests": searches})["list_cost_usd"]
    assert short == usd("0.615") + usd(web)  # 200,000 × 3 + 1,000 × 15
    long = price({**call, "tokens_input": 200_001, "web_search_requests": searches})["list_cost_usd"]
    assert long == usd("1.222506") + usd(web)  # 200,001 × 6 + 1,000 × 22.50


@pytest.mark.parametrize(
    ("model", "expected"), [("gpt-4o", "0.0275"), ("gpt-4o-search-preview", "0.0575"), ("o3", "0.026")]
)
def test_web_searches_are_charged_by_the_call(price: Any, model: str, expected: str) -> None:
    # 0.0075 of tokens (o3: 1000 × 2 + 500 × 8 = 0.006) and two searches at 10 or 25 a thousand
    assert price({**GPT, "model": model, "web_search_requests": 2})["list_cost_usd"] == usd(expected)


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


@pytest.mark.parametrize(("scope", "expected"), [("global", "0.0105"), ("eu", "0.01155"), (None, "0.01155")])
def test_a_regional_profile_costs_a_tenth_more_than_the_global_one(
    price: Any, scope: str | None, expected: str
) -> None:
    # 1000 × 3 + 500 × 15 per million, or 1000 × 3.30 + 500 × 16.50
    call = {**GPT, "provider": "bedrock", "model": "anthropic.claude-sonnet-4-5-20250929-v1:0", "region_scope": scope}
    assert price(call)["list_cost_usd"] == usd(expected)


@pytest.mark.parametrize("scope", ["us", "eu", "apac", None])
def test_a_profile_of_a_model_without_a_premium_costs_the_same_everywhere(price: Any, scope: str | None) -> None:
    call = {**GPT, "provider": "bedrock", "model": "anthropic.claude-3-7-sonnet-20250219-v1:0", "region_scope": scope}
    assert price(call)["list_cost_usd"] == usd("0.0105")  # 1000 × 3 + 500 × 15 per million


def test_a_model_that_is_sold_in_profiles_only_is_found_by_its_scope(price: Any) -> None:
    call = {**GPT, "provider": "bedrock", "model": "amazon.nova-2-lite-v1:0"}
    # 1000 × 0.33 + 500 × 2.75 per million
    assert price({**call, "region_scope": "us"})["list_cost_usd"] == usd("0.001705")
    assert price(call)["list_cost_usd"] is None


def test_audio_and_reasoning_are_charged_apart(price: Any) -> None:
    row = price(
        {
            "provider": "openai",
            "model": "gpt-audio",
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
    # 700 × 2.50 + 300 × 32 for the input, 150 × 10 + 50 × 64 for the output, per million
    assert (row["input_cost_usd"], row["output_cost_usd"]) == (usd("0.01135"), usd("0.0047"))


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
    call = {"provider": "groq", "model": "llama-3.1-8b-instant", "tokens_input": 10, "tokens_output": 10}
    assert price({**call, "web_search_requests": 1})["cost_usd"] is None
    assert price({**call, "web_search_requests": 0})["cost_usd"] is not None


@pytest.mark.parametrize("missing", [{"tokens_input": None}, {"tokens_output": None}])
def test_unknown_usage_costs_null_and_is_told_apart_from_an_unknown_price(price: Any, missing: dict[str, None]) -> None:
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


def test_input_beyond_the_context_window_is_flagged(price: Any) -> None:
    assert price({**GPT, "tokens_input": 128_001})["flags"] == ["exceeds_context_window"]
    assert price({**GPT, "tokens_input": 128_000})["flags"] == []


def test_the_largest_count_neither_overflows_nor_loses_a_token(price: Any) -> None:
    most = 2**63 - 1
    row = price({**GPT, "tokens_input": most, "tokens_output": 0})
    assert row["list_cost_usd"] == usd("23058430092136.9395175")  # × 2.50 per million
