"""LiteLLM's spend log: one test for each convention that its file states."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from decoding import Decoder, Row, some
from sampled import sample

STREAM, LIMITED, HIT, WRITTEN, AZURE, FILE = sample("litellm_spend")


def spend(meta: Row | None = None, **changes: object) -> Row:
    """The first sample with other values, and its metadata with others."""
    metadata = json.loads(STREAM["metadata"]) | (meta or {})
    return STREAM | {"metadata": json.dumps(metadata)} | changes


def test_a_row_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(STREAM)
    assert some(row, "format", "outcome", "flags") == ("litellm_spend", "accepted", ["naive_timestamp_assumed_utc"])
    assert some(row, "event_id", "request_id", "trace_id", "session_id") == ("chatcmpl-Ab3", None, "sess-9", "sess-9")
    assert row["event_time"] == datetime(2026, 11, 20, 15, 34, 24, 125000, tzinfo=UTC)
    assert some(row, "latency_ms", "time_to_first_token_ms") == (1500.0, 375.0)
    assert some(row, "tenant_id", "user_id", "end_user_id", "api_key_id") == ("team-a", "u-007", "eu-3", "6f1e0a")
    assert some(row, "feature", "environment") == ("search", "prod")
    assert row["tags"] == {"feature": "search", "env": "prod", "ticket": "ABC-1"}
    assert some(row, "provider", "model", "requested_model") == ("openai", "gpt-4o-mini", "small")
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_output", "tokens_reasoning", "tokens_total") == (
        1500, 1024, 200, 64, 1700,
    )  # fmt: skip
    assert some(row, "reported_cost_usd", "reported_cost_kind") == (Decimal("0.0004625"), "estimated")


def test_the_words_none_true_and_false_are_booleans(decoder: Decoder) -> None:
    rows = decoder.rows(*(spend(cache_hit=word) for word in ("None", "True", "False", "", None, "perhaps")))
    assert [row["cache_hit"] for row in rows] == [None, True, False, None, None, None]
    assert [row["reject_reason"] for row in rows] == [None, None, None, None, None, "bad_type"]


def test_parts_come_from_the_usage_object_or_from_the_values_beside_it(decoder: Decoder) -> None:
    row = decoder.row(WRITTEN)
    parts = ("tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h", "web_search_requests")
    assert some(row, "tokens_input", "tokens_output", *parts) == (3600, 200, 1000, 2500, 2000, 1)
    assert some(row, "tenant_id", "session_id") == ("org-2", None)


def test_metadata_and_tags_may_be_objects_text_or_text_quoted_twice(decoder: Decoder) -> None:
    meta, tags = json.loads(STREAM["metadata"]), json.loads(STREAM["request_tags"])
    twice = {"metadata": json.dumps(json.dumps(meta)), "request_tags": json.dumps(json.dumps(tags))}
    first, *others = decoder.rows(STREAM, STREAM | {"metadata": meta, "request_tags": tags}, STREAM | twice)
    assert first["tags"]
    assert [row | {"line": 1} for row in others] == [first, first]


def test_zeros_without_usage_are_unknown_and_a_limit_is_free(decoder: Decoder) -> None:
    row = decoder.row(LIMITED)
    assert some(row, "success", "status_code", "error_type", "tokens_input", "tokens_output") == (
        False, 429, "rate_limit", None, None,
    )  # fmt: skip
    assert "usage_missing" not in row["flags"]
    assert some(row, "tenant_id", "requested_model", "error_message") == (
        "team-b", "claude", "litellm.RateLimitError: slow down",
    )  # fmt: skip


def test_a_cost_of_zero_is_no_price_unless_a_cache_answered(decoder: Decoder) -> None:
    unpriced, hit = decoder.rows(spend(spend=0.0), HIT)
    assert "reported_cost_zero_is_missing" in unpriced["flags"]
    assert some(hit, "cache_hit", "success", "reported_cost_usd", "tokens_input") == (True, True, Decimal(0), 1500)
    assert "reported_cost_zero_is_missing" not in hit["flags"]


def test_an_azure_deployment_is_what_was_asked(decoder: Decoder) -> None:
    known, unknown = decoder.rows(AZURE, AZURE | {"metadata": "{}"})
    assert some(known, "provider", "model", "requested_model") == ("azure", "gpt-4.1-mini", "chat-prod")
    assert some(unknown, "provider", "model", "requested_model") == ("azure", None, "chat-prod")


def test_administration_is_no_call(decoder: Decoder) -> None:
    assert some(decoder.row(FILE), "format", "outcome", "event_id") == ("litellm_spend", "not_a_call", None)


def test_metadata_that_is_cut_off_costs_only_what_it_held(decoder: Decoder) -> None:
    row = decoder.row(STREAM | {"metadata": STREAM["metadata"][:99]})
    assert some(row, "outcome", "tokens_input", "tokens_cache_read", "tenant_id") == ("accepted", 1500, None, "team-a")


def test_a_repeated_key_in_the_metadata_is_found(decoder: Decoder) -> None:
    metadata = '{"status": "success", "usage_object": {"prompt_tokens": 1, "prompt_tokens": 2}}'
    assert decoder.row(STREAM | {"metadata": metadata})["reject_reason"] == "duplicate_key"


def test_no_content_reaches_a_column(decoder: Decoder) -> None:
    secret = "zebra-secret-4711"
    record = spend(messages=[{"content": secret}], response={"choices": [secret]}, proxy_server_request=secret)
    assert secret not in str(decoder.row(record))
