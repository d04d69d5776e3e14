"""Langfuse's observations, over its SDK's wire and out of its exports: one test for each convention."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from decoding import Decoder, Row, line_of, some
from mutations import SECRET
from spans import CALL, TRACE, request, span

from llmops_assets.sources.reading import read_object

OF = "langfuse.observation."
OPENAI = {
    "prompt_tokens": 1497, "completion_tokens": 1037, "total_tokens": 2534,
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 1408},
    "completion_tokens_details": {"reasoning_tokens": 192, "audio_tokens": 0},
}  # fmt: skip
ANTHROPIC = {"input": 6, "output": 489, "cache_read_input_tokens": 20443, "cache_creation_input_tokens": 574}
OWN = {"input": 2140, "input_cached_tokens": 1024, "output": 96, "output_reasoning_tokens": 310, "total": 3570}
RESPONSES = {
    "input_tokens": 50, "output_tokens": 40, "total_tokens": 90, "input_tokens_details": {"cached_tokens": 8},
    "output_tokens_details": {"reasoning_tokens": 30},
}  # fmt: skip
TOKENS = ("tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")
COUNTED: list[tuple[Row, tuple[int | None, ...]]] = [
    (OPENAI, (1497, 1408, None, 1037, 192)),
    # 6 + 20443 + 574; 2140 + 1024 and 96 + 310.
    (ANTHROPIC, (21023, 20443, 574, 489, None)),
    (OWN, (3164, 1024, None, 406, 310)),
    (RESPONSES, (50, 8, None, 40, 30)),
    ({"input_tokens": 6, "output_tokens": 9, "cache_read_input_tokens": 4}, (10, 4, None, 9, None)),
    ({"input": 4}, (4, None, None, None, None)),
    ({"prompt_tokens": 5, "completion_tokens": 7}, (5, None, None, 7, None)),
]
GENERATION: Row = {
    f"{OF}type": "generation",
    f"{OF}model.name": "gpt-4o-2024-08-06",
    f"{OF}usage_details": json.dumps(OPENAI),
    f"{OF}cost_details": '{"input": 1.8e-05, "output": 0.007335, "total": 0.0156384}',
    f"{OF}model.parameters": '{"temperature": 0.5, "max_tokens": "Infinity", "service_tier": "default"}',
    f"{OF}completion_start_time": '"2026-11-20T15:41:14.810636Z"',
    f"{OF}metadata.langfuse_user_id": '"u-1"',
    f"{OF}metadata.langfuse_session_id": '"sess-1"',
    f"{OF}metadata.langfuse_tags": '["prod","team:søk"]',
    f"{OF}metadata.ticket": '"ABC-1"',
    f"{OF}metadata.finish_reason": '"length"',
    f"{OF}input": SECRET,
    f"{OF}output": SECRET,
}
EXPORTED: Row = {
    "id": "9afffe4307d3f8ba", "traceId": TRACE, "type": "GENERATION", "name": "chat", "level": "DEFAULT",
    "startTime": "2026-11-20T15:41:14.560636Z", "endTime": "2026-11-20T15:41:16.060Z", "latency": 1.5,
    "completionStartTime": "2026-11-20T15:41:14.810Z", "model": "gpt-4o-2024-08-06", "usageDetails": OWN,
    "modelParameters": {"temperature": 0.5}, "costDetails": {"input": 0.1, "total": 0.25}, "totalCost": 0.25,
    "userId": "u-1", "sessionId": "s-1", "environment": "prod", "tags": ["beta"], "input": SECRET, "output": SECRET,
    "metadata": {"tenant_id": "acme", "feature": "search", "prompt": SECRET},
}  # fmt: skip
SNAKE: Row = {
    "id": "9afffe4307d3f8ba", "trace_id": TRACE, "type": "GENERATION", "level": "DEFAULT",
    "start_time": "2026-11-20 15:41:14.560636", "end_time": "2026-11-20 15:41:16.060636",
    "provided_model_name": "gpt-4o-2024-08-06", "usage_details": json.dumps(OWN), "total_cost": "0.25",
    "cost_details": '{"total": 0.25}', "model_parameters": '{"temperature": 0.5}', "user_id": "u-1",
    "metadata": '{"feature": "search"}', "latency": "1500", "completion_start_time": "2026-11-20 15:41:14.810",
    "input": SECRET, "status_message": "",
}  # fmt: skip


def wire(decoder: Decoder, changes: Row | None = None, **fields: Any) -> Row:
    """The row of one observation on the wire."""
    values = GENERATION | (changes or {})
    (row,) = decoder.rows(request(span(values=values, **{"kind": 1, **fields}), scope="langfuse-sdk"))
    return row


def with_usage(decoder: Decoder, usages: list[str]) -> list[Row]:
    """The rows of observations on the wire with these usages."""
    return decoder.rows(*(request(span(values=GENERATION | {f"{OF}usage_details": one}, kind=1)) for one in usages))


def test_a_generation_on_the_wire_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = wire(decoder)
    assert some(row, "outcome", "format", "flags") == ("accepted", "langfuse_otlp", ["inferred_provider"])
    assert some(row, "event_id", "trace_id") == ("eee19b7ec3c1b174", TRACE)
    assert some(row, "user_id", "session_id", "tags") == (
        "u-1", "sess-1", {"prod": "", "team": "søk", "ticket": "ABC-1"},
    )  # fmt: skip
    assert some(row, "provider", "model", "operation") == ("openai", "gpt-4o-2024-08-06", "chat")
    assert some(row, "temperature", "service_tier", "finish_reason") == (0.5, "standard", "length")
    assert some(row, "latency_ms", "time_to_first_token_ms") == (1500.0, 250.0)
    assert some(row, "reported_cost_usd", "reported_cost_kind") == (Decimal("0.0156384"), "estimated")


def test_the_keys_of_the_usage_say_what_it_includes(decoder: Decoder) -> None:
    expected = [counts for _, counts in COUNTED]
    assert [some(row, *TOKENS) for row in with_usage(decoder, [json.dumps(given) for given, _ in COUNTED])] == expected
    exported = decoder.rows(*(EXPORTED | {"usageDetails": given} for given, _ in COUNTED))
    assert [some(row, *TOKENS) for row in exported] == expected


def test_only_generations_and_embeddings_are_calls(decoder: Decoder) -> None:
    types = (
        "generation",
        "embedding",
        "span",
        "event",
        "agent",
        "tool",
        "chain",
        "retriever",
        "evaluator",
        "guardrail",
    )
    spans = [span(f"{n:x}", GENERATION | {f"{OF}type": name}, kind=1) for n, name in enumerate(types, 1)]
    outcomes = [row["outcome"] for row in decoder.rows(request(*spans))]
    assert outcomes == ["accepted", "accepted"] + ["not_a_call"] * 8
    exported = decoder.rows(*(EXPORTED | {"type": name.upper()} for name in types))
    assert [row["outcome"] for row in exported] == outcomes
    assert [row["operation"] for row in exported[:2]] == ["chat", "embedding"]


def test_in_one_line_there_may_be_spans_of_langfuse_and_of_others(decoder: Decoder) -> None:
    rows = decoder.rows(request(span("a1", GENERATION, kind=1), span("a2", CALL), span("a3", {"x": "y"}, kind=1)))
    assert [some(row, "format", "outcome") for row in rows] == [
        ("langfuse_otlp", "accepted"), ("otlp_spans", "accepted"), ("otlp_spans", "not_a_call"),
    ]  # fmt: skip


def test_a_failure_has_its_level_and_the_status_in_its_text(decoder: Decoder) -> None:
    nothing = {f"{OF}usage_details": None, f"{OF}cost_details": '{"input": 0, "output": 0, "total": 0}'}
    failed = {f"{OF}level": "ERROR", f"{OF}status_message": "Error code: 429 - {}"} | nothing
    row = wire(decoder, failed)
    assert some(row, "success", "status_code", "error_type") == (False, 429, "rate_limit")
    # A claim, and not one that means missing: there are no tokens.
    assert some(row, "tokens_input", "reported_cost_usd", "flags") == (None, 0, ["inferred_provider"])
    by_status = wire(decoder, nothing, status={"code": 2, "message": "Error code: 500 - {}"})
    assert some(by_status, "success", "status_code") == (False, 500)
    exported = decoder.row(EXPORTED | {"level": "ERROR", "statusMessage": "HTTP 503", "usageDetails": {}})
    assert some(exported, "success", "status_code", "error_type") == (False, 503, "provider_outage")


def test_an_exported_observation_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(EXPORTED)
    assert some(row, "outcome", "format", "flags", "event_id") == (
        "accepted", "langfuse_observations", ["inferred_provider"], "9afffe4307d3f8ba",
    )  # fmt: skip
    assert row["event_time"] == datetime(2026, 11, 20, 15, 41, 14, 560636, tzinfo=UTC)
    # From start to end; not the 1.5 or 1500 of the field.
    assert some(row, "latency_ms", "time_to_first_token_ms") == (1499.364, 249.364)
    assert some(row, "tenant_id", "user_id", "session_id", "feature", "environment") == (
        "acme", "u-1", "s-1", "search", "prod",
    )  # fmt: skip
    assert row["tags"] == {"beta": "", "tenant_id": "acme", "feature": "search"}
    assert some(row, *TOKENS) == (3164, 1024, None, 406, 310)
    assert some(row, "reported_cost_usd", "temperature") == (Decimal("0.25"), 0.5)


def test_names_in_snake_case_and_json_inside_of_text_are_the_same(decoder: Decoder) -> None:
    row = decoder.row(SNAKE)
    assert some(row, "outcome", "format", "flags") == (
        "accepted", "langfuse_observations", ["inferred_provider", "naive_timestamp_assumed_utc"],
    )  # fmt: skip
    assert row["event_time"] == datetime(2026, 11, 20, 15, 41, 14, 560636, tzinfo=UTC)
    assert some(row, *TOKENS) == (3164, 1024, None, 406, 310)
    assert some(row, "latency_ms", "reported_cost_usd", "feature", "trace_id") == (
        1500.0, Decimal("0.25"), "search", TRACE,
    )  # fmt: skip


def test_csv_parquet_and_pages_of_the_api_are_read_like_lines(decoder: Decoder) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, SNAKE)
    writer.writeheader()
    writer.writerow(SNAKE)
    binary = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([SNAKE]), binary)
    page = json.dumps({"data": [EXPORTED | {"startTime": SNAKE["start_time"]}] * 2, "meta": {"page": 1}})
    for key, content in {
        "a.csv": text.getvalue().encode(),
        "a.parquet": binary.getvalue(),
        "a.json": page.encode(),
    }.items():
        lines = [
            line_of(1, None) | record
            for batch in read_object(key, iter([content]), 10**6)
            for record in batch.to_pylist()
        ]
        rows = decoder.decode(lines)
        assert {some(row, "outcome", "format", *TOKENS) for row in rows} == {
            ("accepted", "langfuse_observations", 3164, 1024, None, 406, 310)
        }, key
        assert [row["record_index"] for row in rows] == ([0, 1] if key == "a.json" else [None])


def test_older_totals_are_read_where_there_are_no_details_and_they_are_tokens(decoder: Decoder) -> None:
    older = {name: value for name, value in EXPORTED.items() if name != "usageDetails"}
    given: list[Row] = [
        {"usage": {"input": 10, "output": 2, "unit": "TOKENS"}},
        {"promptTokens": 10, "completionTokens": 2},
        {"usage": {"input": 10, "output": 2, "unit": "CHARACTERS"}},
    ]
    rows = decoder.rows(*(older | usage for usage in given))
    assert [some(row, "tokens_input", "tokens_output") for row in rows] == [(10, 2), (10, 2), (None, None)]


def test_counts_that_are_none_are_rejected_and_not_added_up(decoder: Decoder) -> None:
    given = {
        "bad_type": {"input": "many", "cache_read_input_tokens": 5},
        "negative_tokens": {"input": 50, "cache_read_input_tokens": -5},
        "token_overflow": {"input": 2**63 - 1, "cache_read_input_tokens": 2**63 - 1},
        "parts_exceed_total": {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
    }
    written = [json.dumps(usage) for usage in given.values()] + ['{"input": 5, "input": 6}']
    reasons = [*given, "duplicate_key"]
    assert [row["reject_reason"] for row in with_usage(decoder, written)] == reasons
    exported = decoder.rows(*(SNAKE | {"usage_details": usage} for usage in written))
    assert [row["reject_reason"] for row in exported] == reasons


def test_a_cost_of_nothing_for_tokens_is_no_price(decoder: Decoder) -> None:
    row = decoder.row(EXPORTED | {"totalCost": 0})
    assert "reported_cost_zero_is_missing" in row["flags"]


def test_nothing_of_inputs_and_outputs_reaches_a_column(decoder: Decoder) -> None:
    rows = [wire(decoder), decoder.row(EXPORTED), decoder.row(SNAKE)]
    assert [name for row in rows for name, value in row.items() if SECRET in str(value)] == []
