"""GenAI spans of OpenTelemetry: one test for each convention that their file states."""

from datetime import UTC, datetime
from typing import Any

from decoding import Decoder, Row, some
from mutations import SECRET
from spans import CALL, START, TRACE, attributes, base64_of, request, snake_case, span

from llmops_assets.formats import otlp

PARENT = "aaaaaaaaaaaaaaa1"
USAGE = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}


def call(decoder: Decoder, changes: Row | None = None, **fields: Any) -> Row:
    """The row of one call, alone in its line."""
    (row,) = decoder.rows(request(span(values=CALL | (changes or {}), **fields)))
    return row


def test_a_client_span_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = call(decoder)
    assert some(row, "outcome", "format", "flags", "line", "record_index") == ("accepted", "otlp_spans", [], 1, 0)
    assert some(row, "event_id", "trace_id", "request_id") == (f"{TRACE}|chatcmpl-1", TRACE, None)
    # 1795189274.560636908 s, cut.
    assert row["event_time"] == datetime(2026, 11, 20, 15, 41, 14, 560636, tzinfo=UTC)
    assert some(row, "provider", "model", "requested_model") == ("openai", "gpt-4o-2024-08-06", "gpt-4o")
    assert some(row, "operation", "finish_reason", "temperature") == ("chat", "stop", 0.2)
    assert some(row, "tokens_input", "tokens_output", "tokens_total", "tokens_cache_read") == (100, 20, 120, None)
    assert some(row, "success", "status", "latency_ms", "tags") == (
        True, "success", 1500.0, {"service.name": "assistant"},
    )  # fmt: skip


def test_several_resources_scopes_and_spans_of_a_line_are_rows_of_their_own(decoder: Decoder) -> None:
    one, two = request(span("a1"), span("a2"), scope="x"), request(span("b1"), resource={"tenant.id": "globex"})
    one["resourceSpans"][0]["scopeSpans"].append({"scope": {"name": "y"}, "spans": [span("a3")]})
    rows = decoder.rows({"resourceSpans": [*one["resourceSpans"], {"resource": {}}, *two["resourceSpans"]]})
    assert [some(row, "record_index", "outcome", "tenant_id") for row in rows] == [
        (0, "accepted", None), (1, "accepted", None), (2, "accepted", None), (3, "accepted", "globex"),
    ]  # fmt: skip


NO_CALLS: list[Row] = [
    {"values": {"session.id": "s"}, "kind": 1},
    {"values": CALL | {"gen_ai.operation.name": "invoke_agent"}},
    {"values": CALL | {"gen_ai.operation.name": "execute_tool"}},
    {"values": CALL | {"gen_ai.operation.name": "create_agent"}},
    {"values": CALL | {"gen_ai.operation.name": "invoke_workflow"}},
    {"values": {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 10}},
    {"values": {"traceloop.span.kind": "agent", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}},
    {"values": CALL, "kind": 2},
    {"values": CALL, "kind": "SPAN_KIND_SERVER"},
    {"values": {"http.request.method": "POST", "http.response.status_code": 200}},
]


def test_only_the_client_side_of_a_call_to_a_model_is_a_call(decoder: Decoder) -> None:
    rows = decoder.rows(request(*(span(f"{n:016x}", **fields) for n, fields in enumerate(NO_CALLS, 1))))
    assert [some(row, "outcome", "event_id", "payload") for row in rows] == [("not_a_call", None, None)] * len(NO_CALLS)


def test_a_line_without_a_span_is_no_call_and_a_broken_one_is_rejected(decoder: Decoder) -> None:
    twice = '{"scope": {}, "spans": [], "spans": []}'
    rows = decoder.rows(
        {"resourceSpans": []}, request(), {"resourceSpans": {}}, {"resourceSpans": [{"scopeSpans": {"spans": []}}]},
        request(span(), 5, None), f'{{"resourceSpans": [{{"scopeSpans": [{twice}]}}]}}',  # type: ignore[arg-type]
    )  # fmt: skip
    assert [some(row, "line", "record_index", "outcome", "reject_reason") for row in rows] == [
        (1, None, "not_a_call", None),
        (2, None, "not_a_call", None),
        (3, None, "rejected", "bad_type"),
        (4, None, "rejected", "bad_type"),
        (5, 0, "accepted", None),
        (5, 1, "rejected", "unknown_format"),
        (5, 2, "rejected", "unknown_format"),
        (6, None, "rejected", "duplicate_key"),
    ]


def test_base64_ids_and_names_of_the_proto_files_are_the_same_call(decoder: Decoder) -> None:
    plain = span(values=CALL | {"gen_ai.response.id": None}, parent=PARENT)
    ids = {"traceId": base64_of(TRACE), "spanId": base64_of(plain["spanId"]), "parentSpanId": base64_of(PARENT)}
    other = plain | ids | {"kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_OK"}}
    upper = plain | {"traceId": TRACE.upper()}
    parent = span(PARENT, {"user.id": "u-1"}, kind=1)
    rows = [
        row
        for line in (request(plain, parent), request(other, parent), snake_case(request(other, parent)), request(upper))
        for row in decoder.rows(line)
        if row["outcome"] == "accepted"
    ]
    assert [some(row, "event_id", "tokens_input", "latency_ms") for row in rows] == [
        (f"{TRACE}|{plain['spanId']}", 100, 1500.0)
    ] * 4
    assert [row["user_id"] for row in rows[:1]] == ["u-1"]
    assert [row["finish_reason"] for row in rows] == ["stop"] * 4


def test_an_id_of_zeros_is_none_in_either_spelling(decoder: Decoder) -> None:
    root = span("a1", {"user.id": "root"}, kind=1)
    for nothing in ("", "0" * 16, base64_of("0" * 16)):
        rows = decoder.rows(
            request(root, span("a2", parent=nothing), span(nothing, CALL | {"gen_ai.response.id": None}))
        )
        assert [row["event_id"] for row in rows] == [None, f"{TRACE}|chatcmpl-1", TRACE]
    assert decoder.rows(request(span("000000000000000a", CALL | {"gen_ai.response.id": None})))[0]["event_id"] == (
        f"{TRACE}|000000000000000a"
    )


def test_two_instrumentations_of_one_call_have_one_id_and_others_their_own(decoder: Decoder) -> None:
    without = CALL | {"gen_ai.response.id": None}
    rows = decoder.rows(request(span("a1"), span("a2"), span("a3", without), span("a4", without, traceId="ff")))
    assert [row["event_id"] for row in rows] == [f"{TRACE}|chatcmpl-1"] * 2 + [f"{TRACE}|a3", "ff|a4"]


TOKENS = ("tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")
SPELLINGS: list[tuple[Row, tuple[int | None, ...]]] = [
    (
        {"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.cache_creation.input_tokens": 10,
         "gen_ai.usage.reasoning_tokens": 7}, (100, 40, 10, 20, 7),
    ),
    (
        {"gen_ai.usage.cache_write.input_tokens": 10, "gen_ai.usage.reasoning.output_tokens": 7},
        (100, None, 10, 20, 7),
    ),
    (
        {**USAGE, "gen_ai.usage.prompt_tokens": 90, "gen_ai.usage.completion_tokens": 9,
         "gen_ai.usage.cache_read_input_tokens": 4, "gen_ai.usage.cache_creation_input_tokens": 1}, (90, 4, 1, 9, None),
    ),
    (
        {**USAGE, "llm.token_count.prompt": 80, "llm.token_count.completion": 8, "openinference.span.kind": "LLM",
         "llm.token_count.prompt_details.cache_read": 3, "llm.token_count.prompt_details.cache_write": 2,
         "llm.token_count.completion_details.reasoning": 5}, (80, 3, 2, 8, 5),
    ),
    ({"gen_ai.usage.details.cache_read_tokens": 6}, (100, 6, None, 20, None)),
]  # fmt: skip


def test_counts_are_found_under_the_names_of_all_producers(decoder: Decoder) -> None:
    rows = decoder.rows(*(request(span(values=CALL | changes)) for changes, _ in SPELLINGS))
    assert [some(row, *TOKENS) for row in rows] == [expected for _, expected in SPELLINGS]


def test_the_split_of_cache_writes_and_the_tier_are_read(decoder: Decoder) -> None:
    row = call(
        decoder,
        {
            "gen_ai.usage.cache_write.input_tokens": 50,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 30,
            "anthropic.response.service_tier": "priority",
            "gen_ai.response.finish_reasons": None,
            "anthropic.message.stop_reason": "max_tokens",
        },
    )
    assert some(row, "tokens_cache_write", "tokens_cache_write_1h", "service_tier", "finish_reason") == (
        50, 30, "priority", "length",
    )  # fmt: skip


def test_cache_that_a_producer_never_reports_is_unknown_and_flagged(decoder: Decoder) -> None:
    silent, cached = span("a1"), span("a2", CALL | {"gen_ai.usage.cache_read.input_tokens": 0})
    embedding = span("a3", CALL | {"gen_ai.operation.name": "embeddings", "gen_ai.usage.output_tokens": None})
    without = span("a4", CALL | USAGE)
    lines = (
        request(silent, cached, embedding, without, scope="opentelemetry.instrumentation.openai_v2"),
        request(silent, scope="opentelemetry.util.genai.handler"),
        request(silent, scope="opentelemetry.instrumentation.anthropic"),
    )
    assert [some(row, "tokens_cache_read", "flags") for row in decoder.rows(*lines)] == [
        (None, ["cached_tokens_unreported"]), (0, []), (None, []), (None, ["usage_missing"]),
        (None, ["cached_tokens_unreported"]), (None, []),
    ]  # fmt: skip


def test_ancestors_in_the_line_and_the_resource_say_whose_call_it_is(decoder: Decoder) -> None:
    root = span("a1", {"session.id": "s-1", "user.id": "root", "acme.feature": "search", "acme.tier": "gold"}, kind=1)
    agent = span("a2", {"gen_ai.operation.name": "invoke_agent", "user.id": "u-1"}, parent="a1")
    chain = span("a3", {"openinference.span.kind": "CHAIN", "input.value": SECRET, "step": "2"}, parent="a2")
    deep = span("a4", {"note": "x"}, parent="a3", kind=1)
    leaf = span("a5", parent="a4")
    resource = {"tenant.id": "acme", "deployment.environment.name": "prod", "host.name": "h"}
    (row,) = [
        row
        for row in decoder.rows(request(leaf, deep, chain, agent, root, resource=resource))
        if row["outcome"] == "accepted"
    ]
    assert some(row, "tenant_id", "session_id", "feature", "environment") == ("acme", "s-1", "search", "prod")
    # The parent, its parent and the root are looked at; the agent is a step too far.
    assert row["user_id"] == "root"
    assert row["tags"] == {"acme.feature": "search", "acme.tier": "gold", "step": "2", "note": "x"}


def test_the_nearest_wins_and_common_names_win_over_an_applications_own(decoder: Decoder) -> None:
    parent = span("a1", {"user.id": "parent", "tenant.id": "near", "acme.tenant": "own"}, kind=1)
    child = span("a2", CALL | {"user.id": "child"}, parent="a1")
    other = span("a3", traceId="ee", parent="a1")
    rows = decoder.rows(request(parent, child, other, resource={"tenant.id": "far", "user.id": "resource"}))[1:]
    assert [some(row, "user_id", "tenant_id") for row in rows] == [("child", "near"), ("resource", "far")]
    own = decoder.rows(request(span("a1", {"acme.tenant": "own"}, kind=1), span("a2", parent="a1")))[1]
    assert own["tenant_id"] == "own"


def test_failures_have_their_class_and_the_status_in_their_text(decoder: Decoder) -> None:
    def failed(error: str | None, message: str, **changes: Any) -> Row:
        values = CALL | USAGE | {"gen_ai.response.id": None, "gen_ai.response.finish_reasons": None} | changes
        return request(span(values={**values, "error.type": error}, status={"code": 2, "message": message}))

    rows = decoder.rows(
        failed("RateLimitError", "Error code: 429 - {'error': {}}"),
        failed("APITimeoutError", "Request timed out."),
        failed("InternalServerError", "Error code: 500 - {}"),
        failed(None, "connection reset", **{"http.response.status_code": 503}),
        failed("CancelledError", ""),
    )
    assert [some(row, "status", "status_code", "error_code", "error_type", "flags") for row in rows] == [
        ("error", 429, "RateLimitError", "rate_limit", []),
        ("error", None, "APITimeoutError", "timeout", ["usage_missing"]),
        ("error", 500, "InternalServerError", "provider_outage", ["usage_missing"]),
        ("error", 503, None, "provider_outage", ["usage_missing"]),
        ("cancelled", None, "CancelledError", "cancelled", ["usage_missing"]),
    ]
    by_name = request(span(status={"code": "STATUS_CODE_ERROR", "message": "x"}))
    assert some(decoder.row(by_name), "success", "tokens_input") == (False, 100)


def test_a_client_of_openai_does_not_make_openai_the_provider_of_others_models(decoder: Decoder) -> None:
    given: list[Row] = [
        {"gen_ai.request.model": "deepseek-chat", "gen_ai.response.model": "deepseek-chat"},
        {"gen_ai.provider.name": None, "gen_ai.system": "OpenAI"},
        {"gen_ai.provider.name": "azure.ai.openai", "gen_ai.request.model": "chat-prod"},
    ]
    rows = decoder.rows(*(request(span(values=CALL | changes)) for changes in given))
    assert [some(row, "provider", "model", "requested_model", "flags") for row in rows] == [
        ("deepseek", "deepseek-chat", "deepseek-chat", ["inferred_provider"]),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o", []),
        ("azure", "gpt-4o-2024-08-06", "chat-prod", []),
    ]


def test_a_name_that_was_only_asked_for_is_a_model_unless_it_may_be_a_deployments(decoder: Decoder) -> None:
    given = [("openai", "gpt-4o"), ("openai", "chat-prod"), ("azure.ai.openai", "chat-prod"), ("vllm", "my-llama")]
    rows = decoder.rows(
        *(
            request(
                span(
                    values=CALL | {"gen_ai.response.model": None, "gen_ai.provider.name": p, "gen_ai.request.model": m}
                )
            )
            for p, m in given
        )
    )
    assert [some(row, "model", "requested_model") for row in rows] == [
        ("gpt-4o", "gpt-4o"), (None, "chat-prod"), (None, "chat-prod"), ("my-llama", "my-llama"),
    ]  # fmt: skip


def test_broken_spans_are_rejected_alone(decoder: Decoder) -> None:
    twice = span(values=CALL)
    twice["attributes"] += attributes({"gen_ai.usage.input_tokens": 5})
    later = str(START + 3 * 86400 * 10**9)
    spans = [
        span(startTimeUnixNano=None), span(startTimeUnixNano="0"), span(startTimeUnixNano=later),
        span(values=CALL | {"gen_ai.usage.input_tokens": "many"}),
        span(values=CALL | {"gen_ai.usage.output_tokens": -1}),
        span(values=CALL | {"gen_ai.usage.cache_read.input_tokens": 101}), twice, span(),
    ]  # fmt: skip
    rows = decoder.rows(request(*spans))
    assert [row["reject_reason"] for row in rows] == [
        "missing_timestamp", "implausible_timestamp", "future_timestamp", "bad_type", "negative_tokens",
        "parts_exceed_total", "duplicate_key", None,
    ]  # fmt: skip
    assert SECRET not in str([row["payload"] for row in rows])


def test_what_is_kept_of_a_rejected_line_has_no_contents_of_attributes(decoder: Decoder) -> None:
    record = request(span())
    record["resourceSpans"][0]["scopeSpans"].append("broken")
    record["resourceSpans"].append({"scopeSpans": 5})
    row = decoder.row(record)
    assert row["reject_reason"] == "bad_type"
    assert SECRET not in row["payload"]
    assert '"gen_ai.request.model", "value": {"stringValue": "gpt-4o"}' in row["payload"]


def test_equal_span_ids_in_a_line_make_no_row_twice(decoder: Decoder) -> None:
    parent = span("a1", {"user.id": "first"}, kind=1)
    rows = decoder.rows(request(parent, parent, span("a2", parent="a1"), span("a2", parent="a1")))
    assert [row["record_index"] for row in rows] == [0, 1, 2, 3]
    assert [row["user_id"] for row in rows[2:]] == ["first", "first"]


def test_names_that_are_read_are_no_tags_and_none_of_them_holds_contents() -> None:
    held = ("messages", "prompt", "input", "output", "headers", "content", "completion")
    assert [name for name in otlp.READ if name.rpartition(".")[2] in held and "token_count" not in name
            and "service_tier" not in name] == []  # fmt: skip
