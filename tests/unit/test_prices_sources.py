"""Which of several costs counts, and what is flagged: every figure here was worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest
from pricing_sql import GPT, usd

OFF = ["cost_disagrees"]


def test_a_failed_call_costs_what_it_consumed(price: Any) -> None:
    failed = {**GPT, "model": None, "requested_model": "gpt-4o", "status": "error", "status_code": 500}
    assert price({**failed, "tokens_output": 0})["cost_usd"] == usd("0.0025")
    row = price({**failed, "status_code": 429})
    assert (row["cost_usd"], row["cost_source"]) == (usd("0.0075"), "list")
    cancelled = {**GPT, "status": "cancelled"}
    assert price(cancelled)["cost_usd"] == usd("0.0075")


@pytest.mark.parametrize("status_code", [400, 401, 403, 404, 413, 422, 429])
def test_a_call_that_the_provider_refused_is_free(price: Any, status_code: int) -> None:
    refused = {**GPT, "tokens_input": None, "tokens_output": None, "status": "error", "status_code": status_code}
    row = price(refused)
    assert (row["cost_usd"], row["cost_source"], row["is_unpriced"], row["flags"]) == (0, "free", False, [])


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "error", "status_code": 408},
        {"status": "error", "status_code": 500},
        {"status": "error", "status_code": 503},
        {"status": "error", "error_type": "timeout"},
        {"status": "cancelled", "status_code": 429},
    ],
)
def test_a_call_that_broke_without_usage_is_not_free(price: Any, broken: dict[str, Any]) -> None:
    row = price({**GPT, "tokens_input": None, "tokens_output": None, **broken})
    assert (row["cost_usd"], row["list_cost_usd"], row["cost_source"]) == (None, None, "unpriced")
    assert row["flags"] == ["usage_missing"]


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
    unknown = price({**GPT, "cache_hit": True, "model": "own"})
    assert (unknown["cost_usd"], unknown["saved_cost_usd"], unknown["flags"]) == (0, None, [])


@pytest.mark.parametrize(
    ("claimed", "cost", "source", "flags"),
    [
        ({"reported_cost_usd": "3", "reported_cost_kind": "billed"}, "3", "billed", []),
        ({"reported_cost_usd": "0", "reported_cost_kind": "billed"}, "0", "billed", []),
        ({"reported_cost_usd": "0", "reported_cost_kind": "billed", "cache_hit": True}, "0", "billed", []),
        ({"reported_cost_usd": "0.3", "reported_cost_kind": "estimated", "source": "ledger"}, "0.3", "reported", OFF),
        ({"source": "ledger"}, "0.0075", "list", []),
        ({"reported_cost_usd": "0.007875", "reported_cost_kind": "estimated"}, "0.0075", "list", []),
        ({"reported_cost_usd": "0.007876", "reported_cost_kind": "estimated"}, "0.0075", "list", ["cost_disagrees"]),
        ({"reported_cost_usd": "0", "reported_cost_kind": "estimated"}, "0.0075", "list", ["cost_disagrees"]),
        ({"reported_cost_usd": "0.75", "reported_cost_kind": "estimated"}, "0.0075", "list", ["cost_disagrees"]),
        (
            {"reported_cost_usd": "0.000074", "reported_cost_kind": "estimated"},
            "0.0075",
            "list",
            ["cost_disagrees", "cost_outlier"],
        ),
        ({"reported_cost_usd": "9", "reported_cost_kind": "billed", "model": "own"}, "9", "billed", ["unpriced"]),
        (
            {"reported_cost_usd": "0.02", "reported_cost_kind": "estimated", "model": "own", "source": "ledger"},
            "0.02",
            "reported",
            ["unpriced"],
        ),
        (
            {"reported_cost_usd": "0.02", "reported_cost_kind": "estimated", "status": "error", "tokens_input": None},
            "0.02",
            "estimated",
            ["usage_missing"],
        ),
        (
            {"reported_cost_usd": "0.751", "reported_cost_kind": "estimated"},
            "0.0075",
            "list",
            ["cost_disagrees", "cost_outlier"],
        ),
        (
            {"reported_cost_usd": "0.02", "reported_cost_kind": "estimated", "model": "own"},
            "0.02",
            "estimated",
            ["unpriced"],
        ),
        ({"reported_cost_usd": "0", "reported_cost_kind": "estimated", "model": "own"}, None, "unpriced", ["unpriced"]),
    ],
)
def test_the_first_source_of_a_cost_that_applies_wins(
    price: Any, claimed: dict[str, Any], cost: str | None, source: str, flags: list[str]
) -> None:
    amount = {"reported_cost_usd": Decimal(claimed["reported_cost_usd"])} if "reported_cost_usd" in claimed else {}
    row = price({**GPT, **claimed, **amount})
    assert (row["cost_usd"], row["cost_source"]) == (cost if cost is None else usd(cost), source)
    assert row["flags"] == flags


def test_a_zero_that_means_missing_disagrees_with_nothing(price: Any) -> None:
    zero = {"reported_cost_usd": Decimal(0), "reported_cost_kind": "estimated"}
    row = price({**GPT, **zero, "flags": ["reported_cost_zero_is_missing"]})
    assert (row["cost_usd"], row["flags"]) == (usd("0.0075"), ["reported_cost_zero_is_missing"])


ZERO = {"reported_cost_usd": Decimal(0), "reported_cost_kind": "estimated"}


def test_a_source_that_is_taken_at_its_word_keeps_a_zero_and_an_outlier(price: Any) -> None:
    at_its_word = {**GPT, "source": "ledger"}
    missing = price({**at_its_word, **ZERO, "flags": ["reported_cost_zero_is_missing"]})
    assert (missing["cost_usd"], missing["cost_source"]) == (0, "reported")
    far = price({**at_its_word, "reported_cost_usd": Decimal("9990.01"), "reported_cost_kind": "estimated"})
    assert (far["cost_usd"], far["cost_source"]) == (usd("9990.01"), "reported")
    assert far["flags"] == ["cost_disagrees", "cost_outlier"]
    hit = price({**at_its_word, "cache_hit": True, "reported_cost_usd": Decimal("0.2"), "reported_cost_kind": "billed"})
    assert (hit["cost_usd"], hit["cost_source"], hit["list_cost_usd"]) == (usd("0.2"), "reported", 0)


def test_a_zero_that_means_missing_is_no_estimate(price: Any) -> None:
    row = price({**GPT, "model": "own", **ZERO, "flags": ["reported_cost_zero_is_missing"]})
    assert (row["cost_usd"], row["cost_source"]) == (None, "unpriced")
    assert row["flags"] == ["reported_cost_zero_is_missing", "unpriced"]


def test_a_bill_stands_however_far_above_the_tokens_and_is_no_disagreement(price: Any) -> None:
    row = price({**GPT, "reported_cost_usd": Decimal(500), "reported_cost_kind": "billed"})
    assert (row["cost_usd"], row["cost_source"], row["flags"]) == (usd("500"), "billed", [])


@pytest.mark.parametrize("code", [429, 400])
def test_a_refused_call_that_was_billed_or_consumed_tokens_is_not_free(price: Any, code: int) -> None:
    refused = {**GPT, "status": "error", "status_code": code}
    assert price({**refused, "tokens_output": 0})["cost_source"] == "list"
    billed = {"reported_cost_usd": Decimal("0.01"), "reported_cost_kind": "billed", "tokens_input": None}
    assert price({**refused, **billed, "tokens_output": None})["cost_source"] == "billed"


def test_a_hundred_times_is_no_outlier_yet_and_five_per_cent_no_disagreement(price: Any) -> None:
    def flags(claimed: str) -> list[str]:
        amount = {"reported_cost_usd": Decimal(claimed), "reported_cost_kind": "estimated"}
        return list(price({**GPT, **amount})["flags"])

    # The list cost is 0.0075: 0.75 and 0.000075 are a hundred times off, 0.007125 and 0.007875 five per cent.
    assert flags("0.75") == flags("0.000075") == OFF
    assert flags("0.750000000001") == flags("0.000074999999") == [*OFF, "cost_outlier"]
    assert flags("0.007125") == flags("0.007875") == []
    assert flags("0.007124999999") == flags("0.007875000001") == OFF
