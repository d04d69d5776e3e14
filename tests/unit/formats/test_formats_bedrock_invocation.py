"""Bedrock's model invocation log: one test for each convention that its file states."""

import copy
from datetime import UTC, datetime
from typing import Any

from decoding import Decoder, Row, some
from sampled import sample

CONVERSE, STREAM, THROTTLED, EMBEDDING, FAILED = sample("bedrock_invocation")
ARN = "arn:aws:bedrock:us-east-1:111122223333:"


def counted(**counts: Any) -> Row:
    """The first sample with other counts of its input."""
    record = copy.deepcopy(CONVERSE)
    record["input"] |= counts
    return record


def test_an_invocation_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(CONVERSE)
    assert some(row, "format", "outcome", "flags") == ("bedrock_invocation", "accepted", [])
    assert some(row, "event_id", "request_id") == ("5f2e6a34-3f83-4c70-a277-7fbf7ea546b3", None)
    assert row["event_time"] == datetime(2026, 11, 20, 15, 10, 17, tzinfo=UTC)
    assert some(row, "provider", "operation", "streaming", "latency_ms", "finish_reason") == (
        "bedrock", "chat", False, 3640.0, "stop",
    )  # fmt: skip
    assert some(row, "reported_cost_usd", "reported_cost_kind", "success") == (None, None, True)


def test_cache_reads_and_writes_are_added_to_the_input(decoder: Decoder) -> None:
    row = decoder.row(CONVERSE)
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_total") == (
        35 + 2000 + 500, 2000, 500, 446, 2981,
    )  # fmt: skip


def test_a_count_that_is_none_is_rejected_whichever_it_is(decoder: Decoder) -> None:
    greatest = 2**63 - 1
    rows = decoder.rows(
        counted(inputTokenCount="many"), counted(cacheReadInputTokenCount=0.5), counted(inputTokenCount=34.5),
        counted(cacheWriteInputTokenCount=-1), counted(inputTokenCount=greatest),
    )  # fmt: skip
    assert [row["reject_reason"] for row in rows] == [
        "bad_type", "bad_type", "bad_type", "negative_tokens", "token_overflow",
    ]  # fmt: skip


def test_the_model_comes_from_arns_and_profiles_with_its_scope(decoder: Decoder) -> None:
    haiku = "anthropic.claude-3-haiku-20240307-v1:0"
    rows = decoder.rows(*(STREAM | {"modelId": model} for model in (
        haiku, f"arn:aws:bedrock:us-east-1::foundation-model/{haiku}", f"eu.{haiku}",
        f"{ARN}inference-profile/global.{haiku}", f"{ARN}application-inference-profile/x1y2z3",
        f"{ARN}provisioned-model/abc",
    )))  # fmt: skip
    assert [some(row, "model", "region_scope") for row in rows] == [
        (haiku, None), (haiku, None), (haiku, "eu"), (haiku, "global"), (None, None), (None, None),
    ]  # fmt: skip
    assert rows[0]["requested_model"] is None
    assert rows[4]["requested_model"] == f"{ARN}application-inference-profile/x1y2z3"
    assert {row["provider"] for row in rows} == {"bedrock"}


def test_streaming_and_the_operation_follow_from_the_call_and_its_model(decoder: Decoder) -> None:
    opaque = STREAM | {"modelId": f"{ARN}application-inference-profile/x1y2z3", "operation": "InvokeModel"}
    rerank, image = STREAM | {"modelId": "cohere.rerank-v3-5:0"}, STREAM | {"modelId": "amazon.nova-canvas-v1:0"}
    rows = decoder.rows(STREAM, THROTTLED, EMBEDDING, opaque, rerank, image)
    assert [some(row, "operation", "streaming") for row in rows] == [
        ("chat", True), ("chat", True), ("embedding", False), (None, False), ("rerank", True), ("image", True),
    ]  # fmt: skip


def test_an_error_code_is_an_exception_of_which_the_status_is_known(decoder: Decoder) -> None:
    codes = {
        "ThrottlingException": (429, "rate_limit", []),
        "ValidationException": (400, "invalid_request", []),
        "AccessDeniedException": (403, "authentication", []),
        "ModelTimeoutException": (408, "timeout", ["usage_missing"]),
        "ServiceUnavailableException": (503, "provider_outage", ["usage_missing"]),
        "ModelErrorException": (None, "provider_outage", ["usage_missing"]),
        "SomethingNew": (None, "other", []),
    }
    rows = decoder.rows(*(FAILED | {"errorCode": code} for code in codes))
    assert [some(row, "status_code", "error_type", "flags") for row in rows] == list(codes.values())
    assert {some(row, "status", "tokens_input") for row in rows} == {("error", None)}


def test_the_caller_is_the_role_and_its_session_unless_the_request_says_who(decoder: Decoder) -> None:
    said = CONVERSE | {"requestMetadata": {"tenant_id": "acme", "user_id": "u-1", "env": "prod"}}
    rows = decoder.rows(CONVERSE, STREAM, said)
    assert [some(row, "api_key_id", "user_id", "tenant_id") for row in rows] == [
        ("arn:aws:sts::111122223333:assumed-role/chat-api", "worker-7", "globex"),
        ("arn:aws:iam::111122223333:user/alice", "alice", None),
        ("arn:aws:sts::111122223333:assumed-role/chat-api", "u-1", "acme"),
    ]
    assert rows[2]["environment"] == "prod"
    assert rows[1]["tags"] == {"aws_account": "111122223333", "aws_region": "eu-west-1"}


def test_another_kind_of_log_is_no_call(decoder: Decoder) -> None:
    assert decoder.row(CONVERSE | {"schemaType": "ModelEvaluationLog"})["outcome"] == "not_a_call"


def test_no_content_reaches_a_column(decoder: Decoder) -> None:
    records = [CONVERSE, EMBEDDING, counted(inputTokenCount=-1)]
    assert "zebra-secret-4711" not in str(decoder.rows(*records))
    prompted = CONVERSE | {"requestMetadata": {"prompt": "zebra-secret-4711", "long": "x" * 300}}
    assert decoder.row(prompted)["tags"]["long"].startswith("length:300 sha256:")
    assert "zebra-secret-4711" not in str(decoder.row(prompted))
