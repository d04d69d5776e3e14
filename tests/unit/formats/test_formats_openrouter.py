"""OpenRouter's activity export and generation objects: one test for each convention that their files state."""

from datetime import UTC, datetime
from decimal import Decimal

from decoding import Decoder, Row, some
from sampled import sample

from llmops_assets.sources.reading import read_object

ROW, FREE, CANCELLED = sample("openrouter_activity")
WRAPPED, BYOK, EMBEDDING = sample("openrouter_generation")
HEADER = "generation_id,created_at,cost_total,cost_cache,tokens_prompt,tokens_completion,model_permaslug,provider_name"
LINE = "gen-1,2026-11-20 15:00:00.713,0.01235,-0.0027,10389,137,openai/gpt-oss-120b,DeepInfra"


def exported(decoder: Decoder, *lines: str) -> list[Row]:
    """What becomes of the lines of a CSV."""
    content = "".join(f"{line}\r\n" for line in lines).encode()
    records = [row for batch in read_object("activity.csv", iter([content]), 2**20) for row in batch.to_pylist()]
    return decoder.decode([{"object_id": 0, **record} for record in records])


def test_a_row_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(ROW)
    assert some(row, "format", "outcome", "flags") == (
        "openrouter_activity", "accepted", ["naive_timestamp_assumed_utc"],
    )  # fmt: skip
    assert row["event_time"] == datetime(2026, 11, 20, 15, 0, 0, 713000, tzinfo=UTC)
    assert some(row, "event_id", "user_id", "api_key_id") == ("gen-1795186800-aB3", "user_2x", "prod-key")
    assert some(row, "provider", "upstream_provider", "model") == (
        "openrouter", "anthropic", "anthropic/claude-4.5-sonnet-20250929",
    )  # fmt: skip
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_output", "tokens_reasoning") == (10389, 9000, 137, 64)
    assert some(row, "latency_ms", "time_to_first_token_ms", "streaming") == (2150.0, 640.0, True)
    assert row["tags"] == {"app_name": "Acme Search", "variant": "standard"}


def test_the_discount_for_the_cache_is_inside_the_total_and_the_total_is_billed(decoder: Decoder) -> None:
    rows = decoder.rows(ROW, FREE)
    assert [some(row, "reported_cost_usd", "reported_cost_kind", "flags") for row in rows] == [
        (Decimal("0.01235"), "billed", ["naive_timestamp_assumed_utc"]),
        (Decimal(0), "billed", ["naive_timestamp_assumed_utc"]),
    ]


def test_a_cancelled_generation_is_billed_too(decoder: Decoder) -> None:
    row = decoder.row(CANCELLED)
    assert some(row, "status", "success", "error_type", "reported_cost_usd", "tokens_input") == (
        "cancelled", False, "cancelled", Decimal("0.0004"), 900,
    )  # fmt: skip


def test_columns_of_the_csv_may_come_and_go(decoder: Decoder) -> None:
    (row,) = exported(decoder, HEADER, LINE)
    assert some(row, "format", "outcome", "tokens_input", "reported_cost_usd") == (
        "openrouter_activity", "accepted", 10389, Decimal("0.01235"),
    )  # fmt: skip
    (fewer,) = exported(
        decoder, "created_at,model,usage,generation_id,tokens_prompt", "2026-11-20 15:00:00,m/x,0.5,gen-2,7"
    )
    assert some(fewer, "model", "reported_cost_usd", "tokens_input", "tokens_output") == (
        "m/x",
        Decimal("0.5"),
        7,
        None,
    )
    (strange,) = exported(decoder, "Generation,When,Dollars", "gen-3,2026-11-20 15:00:00,0.5")
    assert some(strange, "outcome", "reject_reason") == ("rejected", "unknown_format")


def test_a_generation_may_lie_in_data(decoder: Decoder) -> None:
    wrapped, bare = decoder.rows(WRAPPED, WRAPPED["data"])
    assert wrapped["format"] == "openrouter_generation"
    assert bare == wrapped | {"line": 2}
    assert wrapped["event_id"] == decoder.row(ROW)["event_id"]
    assert wrapped["event_time"] == datetime(2026, 11, 20, 15, 0, 0, 713456, tzinfo=UTC)
    assert some(wrapped, "end_user_id", "requested_model", "latency_ms", "flags") == (
        "eu-3", "openrouter/auto", 2790.0, [],
    )  # fmt: skip


def test_native_counts_are_those_that_are_charged(decoder: Decoder) -> None:
    row, plain = decoder.rows(WRAPPED, {name: WRAPPED["data"][name] for name in (
        "id", "created_at", "model", "provider_name", "tokens_prompt", "tokens_completion", "total_cost",
    )})  # fmt: skip
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_output", "tokens_reasoning") == (10389, 9000, 137, 64)
    assert some(plain, "tokens_input", "tokens_output") == (9800, 120)


def test_a_key_of_ones_own_is_billed_nothing(decoder: Decoder) -> None:
    row = decoder.row(BYOK)
    assert some(row, "reported_cost_usd", "reported_cost_kind", "service_tier") == (Decimal(0), "billed", "flex")


def test_an_embedding_has_no_output_and_is_no_anomaly(decoder: Decoder) -> None:
    assert some(decoder.row(EMBEDDING), "operation", "tokens_output", "flags") == ("embedding", 0, [])


def test_data_that_is_no_generation_counts_nothing(decoder: Decoder) -> None:
    rows = decoder.rows({"data": "text"}, {"data": [1]}, {"data": {}})
    assert {some(row, "outcome", "reject_reason") for row in rows} == {("rejected", "missing_timestamp")}
