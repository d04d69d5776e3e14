"""Names and prices of a site, in front of the book: every figure here was worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pricing_sql import GPT, NOON, Pricing, usd
from pydantic import ValidationError

from llmops_assets.duck import connect
from llmops_assets.prices import PriceBookError, add_configured, current_version, load_book
from llmops_assets.prices_settings import PricesSettings

MOVED = datetime(2026, 6, 1, 12, tzinfo=UTC)
ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3"
OWN = PricesSettings.model_validate(
    {
        "alias": [
            {"provider": "azure", "name": "chat-prod", "model": "gpt-4o", "valid_to": MOVED},
            {"provider": "azure", "name": "chat-prod", "model": "gpt-4o-mini", "valid_from": MOVED},
            {"provider": "bedrock", "name": ARN, "model": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"},
            {"provider": "unknown", "name": "homemade", "model": "gpt-4o", "model_provider": "openai"},
            {"provider": "acme", "name": "fast", "model": "gpt-4o-mini", "model_provider": "openai"},
        ],
        "model": [
            {
                "provider": "vllm",
                "name": "Llama-3.3-70B",
                "usd_per_million": {"input_uncached": "0.2", "output_text": 0.6, "cache_read": "0.05"},
                "context_window": 100_000,
            }
        ],
    }
)


@pytest.fixture(scope="module")
def own() -> Pricing:
    return Pricing(own=OWN)


@pytest.mark.parametrize(
    ("call", "expected", "model"),
    [
        # the deployment is gpt-4o until noon and gpt-4o-mini from then on: 1000 × 0.15 + 500 × 0.60 per million
        ({"model": "chat-prod", "event_time": NOON - timedelta(microseconds=1)}, "0.0075", "gpt-4o"),
        ({"model": "chat-prod"}, "0.00045", "gpt-4o-mini"),
        ({"model": None, "requested_model": "Chat-Prod"}, "0.00045", "gpt-4o-mini"),
        ({"model": "chat-prod", "service_tier": "batch"}, "0.000225", "gpt-4o-mini"),
        # what was served counts, whatever was asked for
        ({"model": "gpt-4o", "requested_model": "chat-prod"}, "0.0075", "gpt-4o"),
        # a regional profile behind an application profile: 1000 × 3.30 + 500 × 16.50
        (
            {"provider": "bedrock", "model": None, "requested_model": ARN},
            "0.01155",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ({"provider": "acme", "model": "fast"}, "0.00045", "gpt-4o-mini"),
        # no record says whose it is: tables show that as unknown
        ({"provider": None, "model": None, "requested_model": "homemade"}, "0.0075", "gpt-4o"),
        # 900 × 0.20 + 100 × 0.05 + 400 × 0.60 + 100 × 0.60: reasoning costs what output does
        (
            {"provider": "vllm", "model": "llama-3.3-70b", "tokens_cache_read": 100, "tokens_reasoning": 100},
            "0.000485",
            "Llama-3.3-70B",
        ),
    ],
)
def test_a_name_of_the_site_costs_what_it_stands_for(
    own: Pricing, call: dict[str, Any], expected: str, model: str
) -> None:
    (row,) = own.price([{**GPT, "provider": "azure", **call}])
    assert (row["list_cost_usd"], row["price_model"], row["cost_source"]) == (usd(expected), model, "list")
    assert row["price_version"] == current_version()


@pytest.mark.parametrize(
    "call",
    [
        {"provider": "openai", "model": "chat-prod"},
        {"provider": "openai", "model": None, "requested_model": "chat-prod"},
        {"provider": "azure", "model": None, "requested_model": "gpt-4o"},
        {"provider": "vllm", "model": "llama-3.3-70b", "web_search_requests": 1},
    ],
)
def test_a_name_holds_for_its_provider_alone_and_a_meter_without_a_price_is_unknown(
    own: Pricing, call: dict[str, Any]
) -> None:
    (row,) = own.price([{**GPT, **call}])
    assert (row["list_cost_usd"], row["cost_source"], row["flags"]) == (None, "unpriced", ["unpriced"])


def test_a_model_of_the_site_has_its_context_window(own: Pricing) -> None:
    call = {**GPT, "provider": "vllm", "model": "llama-3.3-70b", "tokens_input": 100_001}
    assert own.price([call])[0]["flags"] == ["exceeds_context_window"]


def test_a_target_with_fewer_service_tiers_has_its_standard_prices_in_the_others() -> None:
    """OpenAI has flex prices for gpt-5, none for gpt-4o; a deployment moves from one to the other at noon."""
    moved = {"provider": "openai", "name": "d"}
    own = PricesSettings.model_validate(
        {
            "alias": [
                {**moved, "model": "gpt-5", "valid_to": MOVED},
                {**moved, "model": "gpt-4o", "valid_from": MOVED},
            ]
        }
    )
    call = {**GPT, "model": "d", "service_tier": "flex"}
    before, after = Pricing(own=own).price([{**call, "event_time": NOON - timedelta(hours=1)}, call])
    assert (before["list_cost_usd"], after["list_cost_usd"]) == (usd("0.003125"), usd("0.0075"))


@pytest.mark.parametrize("wrong", [{"model": "no-such-model"}, {"provider": "acme"}])
def test_an_alias_of_an_unknown_model_is_refused_and_says_what_to_do(wrong: dict[str, str]) -> None:
    own = PricesSettings.model_validate({"alias": [{"provider": "azure", "name": "x", "model": "gpt-4o", **wrong}]})
    with connect() as connection:
        load_book(connection, only=[current_version()])
        with pytest.raises(
            PriceBookError, match=r"prices\.alias \w+ x: model = .* is in no price book .* model_provider"
        ):
            add_configured(connection, own)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"alias": [{"provider": "p", "name": "n", "model": "a"}, {"provider": "p", "name": "N", "model": "b"}]},
            "twice",
        ),
        (
            {
                "alias": [{"provider": "p", "name": "n", "model": "a", "valid_to": MOVED}],
                "model": [{"provider": "p", "name": "n", "usd_per_million": {"request": 1}}],
            },
            "p n is given twice",
        ),
        ({"model": [{"provider": "p", "name": "n", "usd_per_million": {"tokens": 1}}]}, "tokens is no meter"),
        ({"model": [{"provider": "p", "name": "n", "usd_per_million": {}}]}, "nothing is no meter"),
        ({"model": [{"provider": "p", "name": "n", "usd_per_million": {"request": -1}}]}, "between 0"),
        ({"model": [{"provider": "p", "name": "n", "usd_per_million": {"request": "0.0000000001"}}]}, "9 places"),
        (
            {"alias": [{"provider": "p", "name": "n", "model": "a", "valid_from": MOVED, "valid_to": MOVED}]},
            "not after",
        ),
    ],
)
def test_names_that_contradict_each_other_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PricesSettings.model_validate(wrong)


def test_prices_from_toml_are_exact() -> None:
    assert OWN.model[0].usd_per_million["output_text"] == Decimal("0.6")
