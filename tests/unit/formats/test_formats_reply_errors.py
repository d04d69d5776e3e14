"""Errors of providers, found where each puts them and classed, and replies that are broken."""

import json
from typing import Any

from decoding import Decoder, Row, some
from replies import CHAT, CONVERSE, MESSAGE, MESSAGE_EVENTS, RESPONSES, SECRET, chat, wrapped

THROTTLED = {"Error": {"Code": "ThrottlingException", "Message": "slow"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
ERRORS: list[tuple[int | None, Row, tuple[Any, ...]]] = [
    (
        429,
        {"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}},
        ("error", 429, "rate_limit_exceeded", "rate_limit", "Rate limit reached"),
    ),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_011"},
        ("error", 529, "overloaded_error", "provider_outage", "Overloaded"),
    ),
    (
        None,
        {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}},
        ("error", 429, "RESOURCE_EXHAUSTED", "rate_limit", "Quota"),
    ),
    (
        None,
        {"error": {"code": "content_filter", "message": "filtered", "status": 400}},
        ("error", 400, "content_filter", "content_filter", "filtered"),
    ),
    (None, THROTTLED, ("error", 429, "ThrottlingException", "rate_limit", "slow")),
    (
        403,
        {"message": "not authorised", "__type": "com.amazon.coral#AccessDeniedException"},
        ("error", 403, "AccessDeniedException", "authentication", "not authorised"),
    ),
    (
        400,
        {"object": "error", "message": "bad value", "type": "invalid_request_error", "code": None},
        ("error", 400, "invalid_request_error", "invalid_request", "bad value"),
    ),
    (
        403,
        {"code": "permission-denied", "error": "no credits"},
        ("error", 403, "permission-denied", "authentication", "no credits"),
    ),
    (
        200,
        {**RESPONSES, "status": "failed", "error": {"code": "server_error", "message": "oh"}},
        ("error", 200, "server_error", "provider_outage", "oh"),
    ),
]


def test_errors_are_found_where_each_provider_puts_them(decoder: Decoder) -> None:
    rows = decoder.rows(*(wrapped(reply, http_status=status) for status, reply, _ in ERRORS))
    columns = ("status", "status_code", "error_code", "error_type", "error_message")
    assert [some(row, *columns) for row in rows] == [expected for _, _, expected in ERRORS]
    assert rows[1]["event_id"] == "req_011"
    assert rows[8]["tokens_input"] == 900


def test_what_was_cancelled_is_no_failure_of_the_provider(decoder: Decoder) -> None:
    rows = decoder.rows(
        wrapped({**RESPONSES, "status": "cancelled", "usage": None}),
        wrapped([*MESSAGE_EVENTS[:4]], status="cancelled", error="client went away"),
    )
    assert [some(row, "status", "error_type", "tokens_input", "flags") for row in rows] == [
        ("cancelled", "cancelled", None, ["usage_missing"]),
        ("cancelled", "cancelled", 2730, []),
    ]


def test_a_call_without_a_reply_has_the_error_of_its_wrapper(decoder: Decoder) -> None:
    lost = {"http_status": None, "model": "gpt-5"}
    rows = decoder.rows(
        wrapped(None, **lost, error="Request timed out"),
        wrapped(None, **lost, error={"type": "APITimeoutError", "message": "Request timed out", "input": SECRET}),
        wrapped(None, **lost, error_code="connect_timeout", error_message="Request timed out"),
    )
    assert [some(row, "status", "error_code", "error_type", "error_message", "model") for row in rows] == [
        ("error", code, "timeout", "Request timed out", "gpt-5")
        for code in (None, "APITimeoutError", "connect_timeout")
    ]
    assert {tuple(row["flags"]) for row in rows} == {("derived_event_id", "usage_missing")}


def counted(**counts: Any) -> Row:
    """A chat completion whose usage is this."""
    return wrapped(chat(counts))


def test_broken_replies_are_rejected_with_their_reason(decoder: Decoder) -> None:
    sent = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    anthropic = MESSAGE["usage"]
    given: list[tuple[str, Row]] = [
        ("missing_timestamp", {name: value for name, value in wrapped(CHAT).items() if name != "request_time"}),
        ("bad_type", counted(**{**sent, "prompt_tokens": "many"})),
        ("bad_type", wrapped({**MESSAGE, "usage": {**anthropic, "cache_read_input_tokens": True}})),
        ("bad_type", wrapped(CHAT, http_status="ok")),
        ("negative_tokens", wrapped({**MESSAGE, "usage": {**anthropic, "input_tokens": -30}})),
        ("token_overflow", wrapped({**CONVERSE, "usage": {"inputTokens": 2**63 - 1, "cacheReadInputTokens": 1}})),
        ("parts_exceed_total", counted(**sent, prompt_tokens_details={"cached_tokens": 101})),
        ("parts_exceed_total", counted(**sent, completion_tokens_details={"reasoning_tokens": 6})),
    ]
    rows = decoder.rows(*(record for _, record in given))
    assert [some(row, "format", "reject_reason") for row in rows] == [("provider_reply", reason) for reason, _ in given]
    assert all(SECRET not in row["payload"] for row in rows)


def test_a_name_that_comes_twice_where_it_is_read_is_a_duplicate(decoder: Decoder) -> None:
    text = json.dumps(wrapped(CHAT))
    twice = text.replace('"prompt_tokens": 1200', '"prompt_tokens": 1, "prompt_tokens": 1200')
    top = text.replace('"id": "chatcmpl', '"id": "x", "id": "chatcmpl')
    assert [row["reject_reason"] for row in decoder.rows(twice, top)] == ["duplicate_key"] * 2
