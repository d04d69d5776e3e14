"""Output lines of OpenAI's batch API: half price by their tier, and the time of the reply."""

import json
from datetime import UTC, datetime
from typing import Any

from decoding import Decoder, Row, some
from replies import CHAT, EMBEDDING, RESPONSES, SECRET

COUNTS = ("tokens_input", "tokens_cache_read", "tokens_output", "tokens_reasoning")


def line(body: Any, status: int = 200, **fields: Any) -> Row:
    """A line of an output file."""
    response = {"status_code": status, "request_id": "b7c5", "body": body}
    return {"id": "batch_req_1", "custom_id": "doc-17", "response": response, "error": None, **fields}


def test_a_line_is_a_call_at_the_price_of_a_batch(decoder: Decoder) -> None:
    rows = decoder.rows(line(CHAT), line(RESPONSES))
    assert [some(row, "format", "outcome", "flags") for row in rows] == [("openai_batch_output", "accepted", [])] * 2
    assert [some(row, "event_id", "request_id", "service_tier", "provider") for row in rows] == [
        ("b7c5", "doc-17", "batch", "openai")
    ] * 2
    assert [row["event_time"] for row in rows] == [datetime(2026, 11, 20, 15, 0, 1, tzinfo=UTC)] * 2
    assert [some(row, *COUNTS) for row in rows] == [
        (1200, 1024, 300, 192), (900, 512, 450, 320),
    ]  # fmt: skip
    assert [some(row, "model", "operation", "status", "status_code") for row in rows] == [
        ("gpt-5-mini-2025-08-07", "chat", "success", 200), ("gpt-5.4-2026-03-05", "chat", "success", 200),
    ]  # fmt: skip
    assert [name for row in rows for name, value in row.items() if SECRET in str(value)] == []


def test_without_the_requests_id_the_line_has_its_own(decoder: Decoder) -> None:
    anonymous = line(CHAT)
    anonymous["response"]["request_id"] = ""
    rows = decoder.rows(anonymous, {name: value for name, value in anonymous.items() if name != "id"})
    assert [row["event_id"] for row in rows] == ["batch_req_1", "doc-17"]


def test_other_clouds_batches_tell_who_served_them(decoder: Decoder) -> None:
    azure = {**CHAT, "prompt_filter_results": [{"prompt_index": 0}]}
    rows = decoder.rows(line(azure), line({**CHAT, "model": "mistral-large-latest"}), line({**CHAT, "model": "ft:x"}))
    assert [some(row, "provider", "flags") for row in rows] == [
        ("azure", []), ("mistral", ["inferred_provider"]), ("openai", []),
    ]  # fmt: skip


def test_what_has_no_time_is_rejected_for_that(decoder: Decoder) -> None:
    refused = {"error": {"message": "bad", "type": "invalid_request_error", "code": "bad"}}
    expired = line(None, error={"code": "batch_expired", "message": "not in time"}) | {"response": None}
    rows = decoder.rows(line(EMBEDDING), line(refused, status=400), expired)
    assert [some(row, "format", "reject_reason") for row in rows] == [("openai_batch_output", "missing_timestamp")] * 3


def test_a_failure_that_has_a_time_is_an_error(decoder: Decoder) -> None:
    failed = {**RESPONSES, "status": "failed", "error": {"code": "server_error", "message": "oh"}, "usage": None}
    rows = decoder.rows(line(failed, status=500), line(CHAT, error={"code": "request_timeout", "message": "late"}))
    assert [some(row, "status", "status_code", "error_code", "error_type", "service_tier") for row in rows] == [
        ("error", 500, "server_error", "provider_outage", "batch"),
        ("error", 200, "request_timeout", "timeout", "batch"),
    ]
    assert rows[0]["flags"] == ["usage_missing"]


def test_a_name_that_comes_twice_in_a_body_is_a_duplicate(decoder: Decoder) -> None:
    twice = line(CHAT | {"usage": {"prompt_tokens": 5}})
    text = json.dumps(twice).replace('"prompt_tokens": 5', '"prompt_tokens": 5, "prompt_tokens": 6')
    assert decoder.row(text)["reject_reason"] == "duplicate_key"
