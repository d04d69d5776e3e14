"""LiteLLM's standard logging payload: one test for each convention that its file states."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from decoding import Decoder, some
from payloads import PAYLOAD, SECRET, USAGE, failure, payload


def test_a_payload_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(payload())
    assert some(row, "outcome", "format", "flags") == ("accepted", "litellm_payload", [])
    assert row["event_id"] == "chatcmpl-1|call-1"
    assert some(row, "request_id", "trace_id", "session_id") == (None, "sess-3", "sess-3")
    assert row["event_time"] == datetime(2026, 11, 20, 15, 34, 32, 924531, tzinfo=UTC)
    assert some(row, "latency_ms", "time_to_first_token_ms") == (30.969, None)
    assert some(row, "tenant_id", "user_id", "end_user_id", "api_key_id") == (
        "team-søk", "u-002", "end-user-5", "00ff",
    )  # fmt: skip
    assert some(row, "feature", "environment") == ("chat", "prod")
    assert row["tags"] == {"feature": "chat", "env": "prod", "ticket": "ABC-1"}
    assert some(row, "provider", "model", "requested_model") == (
        "anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5",
    )  # fmt: skip
    assert some(row, "operation", "service_tier", "temperature", "finish_reason") == ("chat", "standard", 0.2, "stop")
    assert some(row, "reported_cost_usd", "reported_cost_kind") == (Decimal("0.017475"), "estimated")


def test_tokens_and_their_parts_come_from_the_usage_object(decoder: Decoder) -> None:
    row = decoder.row(payload(prompt_tokens=1, completion_tokens=1))
    parts = ("tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h", "tokens_reasoning")
    assert some(row, "tokens_input", "tokens_output", "tokens_total", *parts) == (3600, 200, 3800, 1000, 2500, 2000, 77)
    assert some(row, "tokens_audio_input", "web_search_requests") == (None, 1)


def test_without_a_usage_object_the_counts_at_the_top_are_taken_unless_all_are_zero(decoder: Decoder) -> None:
    stated = payload(metadata__usage_object=None, response__usage=None)
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}
    rows = decoder.rows(
        stated, stated | zeros, payload(metadata__usage_object=None), payload(metadata__usage_object=zeros, **zeros)
    )
    assert [some(row, "tokens_input", "tokens_output", "flags") for row in rows] == [
        (3600, 200, []),
        (None, None, ["usage_missing"]),
        (3600, 200, []),
        (None, None, ["usage_missing"]),
    ]
    assert rows[2]["tokens_cache_read"] == 1000


def test_both_ids_together_are_the_event(decoder: Decoder) -> None:
    rows = decoder.rows(
        payload(litellm_call_id="call-2"), payload(id="chatcmpl-2"), payload(id=""), payload(id="", litellm_call_id="")
    )
    assert [row["event_id"] for row in rows[:3]] == ["chatcmpl-1|call-2", "chatcmpl-2|call-1", "call-1"]
    assert rows[3]["flags"] == ["derived_event_id"]


def test_a_stream_has_its_first_token_between_start_and_end(decoder: Decoder) -> None:
    times = {"startTime": 1795188872.0, "completionStartTime": 1795188872.25, "endTime": 1795188874.0}
    rows = decoder.rows(
        payload(stream=True, response_time=0.25, **times),
        payload(stream=None, model_parameters__stream=True, **times),
        payload(stream=None, **times),
    )
    assert [some(row, "streaming", "latency_ms", "time_to_first_token_ms") for row in rows] == [
        (True, 2000.0, 250.0),
        (True, 2000.0, 250.0),
        (None, 2000.0, None),
    ]


def test_a_session_of_its_own_is_kept(decoder: Decoder) -> None:
    assert some(decoder.row(payload(session_id="s-1")), "session_id", "trace_id") == ("s-1", "sess-3")


def test_the_tenant_is_the_team_then_the_organisation(decoder: Decoder) -> None:
    rows = decoder.rows(
        payload(metadata__user_api_key_team_id=None),
        payload(metadata__user_api_key_team_id="", metadata__user_api_key_org_id=None),
    )
    assert [row["tenant_id"] for row in rows] == ["org-1", None]


def test_a_cost_of_zero_is_missing_for_a_success_with_tokens_and_no_cache_hit(decoder: Decoder) -> None:
    hit = payload(response_cost=0.0, cache_hit=True, saved_cache_cost=0.0123525)
    rows = decoder.rows(payload(response_cost=0.0), hit, failure(), payload(saved_cache_cost=0.5))
    assert [some(row, "reported_cost_usd", "saved_cost_usd", "flags") for row in rows] == [
        (Decimal(0), None, ["reported_cost_zero_is_missing"]),
        (Decimal(0), Decimal("0.0123525"), []),
        (Decimal(0), None, []),
        (Decimal("0.017475"), None, []),
    ]


def test_an_azure_deployment_is_what_was_asked_and_the_reply_says_what_served(decoder: Decoder) -> None:
    azure = {"custom_llm_provider": "azure", "model": "chat-prod"}
    priced = {"model_map_key": "azure/gpt-4.1-mini", "model_map_value": {"key": "azure/gpt-4.1-mini"}}
    unpriced = {"model_map_key": "chat-prod", "model_map_value": None}
    proxy = {"model": "azure/chat-prod", "model_group": "azure-chat", "response__model": "azure-chat"}
    rows = decoder.rows(
        payload(**azure, response__model="gpt-4.1-mini-2025-04-14", model_map_information=priced),
        payload(**azure | proxy, model_map_information=priced),
        payload(**azure, response__model="chat-prod", model_map_information=unpriced),
        failure(**azure),
    )
    assert [some(row, "provider", "model", "requested_model") for row in rows] == [
        ("azure", "gpt-4.1-mini-2025-04-14", "chat-prod"),
        ("azure", "gpt-4.1-mini", "chat-prod"),
        ("azure", None, "chat-prod"),
        ("azure", None, "chat-prod"),
    ]


def test_the_proxys_alias_is_never_the_model(decoder: Decoder) -> None:
    bedrock = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    rows = decoder.rows(
        payload(model="anthropic/claude-sonnet-4-5", model_group="claude", response__model="claude"),
        payload(model="openai/gpt-4o", custom_llm_provider="openai", model_group="gpt-4o", response__model="gpt-4o"),
        payload(
            model=f"bedrock/{bedrock}", custom_llm_provider="bedrock", model_group="smart", response__model="smart"
        ),
        payload(
            model="anthropic/claude-sonnet-4.5", custom_llm_provider="openrouter", response__provider="Anthropic",
            response__model="anthropic/claude-sonnet-4.5",
        ),
    )  # fmt: skip
    assert [some(row, "model", "requested_model", "region_scope", "upstream_provider") for row in rows] == [
        ("claude-sonnet-4-5", "claude", None, None),
        ("gpt-4o", "gpt-4o", None, None),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "smart", "us", None),
        ("anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5", None, "anthropic"),
    ]


def test_a_missing_provider_is_the_one_that_the_error_names_or_inferred(decoder: Decoder) -> None:
    named = failure(code="408", error_class="Timeout", custom_llm_provider=None, model="gpt-4o")
    named["error_information"]["llm_provider"] = "openai"
    unknown = failure(code="400", error_class="ProxyModelNotFoundError", custom_llm_provider=None, model="nope")
    unknown["error_information"]["llm_provider"] = ""
    rows = decoder.rows(named, unknown, payload(custom_llm_provider=None))
    assert [some(row, "provider", "model", "requested_model") for row in rows] == [
        ("openai", "gpt-4o", "gpt-4o"),
        (None, None, "nope"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
    ]
    assert rows[2]["flags"] == ["inferred_provider"]


def test_failures_have_a_class_and_are_free_or_of_unknown_usage(decoder: Decoder) -> None:
    filtered = failure(code="content_filter", error_class="ContentPolicyViolationError")
    filtered["error_information"]["normalized_error"] = "400_CONTENT_POLICY_VIOLATION"
    missing = ["usage_missing"]
    given = [
        (failure(), (429, "429", "rate_limit", [])),
        (failure(code="400", error_class="ContextWindowExceededError"), (400, "400", "context_overflow", [])),
        (failure(code="401", error_class="AuthenticationError"), (401, "401", "authentication", [])),
        (failure(code="408", error_class="Timeout"), (408, "408", "timeout", missing)),
        (failure(code="500", error_class="InternalServerError"), (500, "500", "provider_outage", missing)),
        (filtered, (400, "content_filter", "content_filter", [])),
        (failure(code="", error_class="Exception", text="bad key"), (None, "Exception", "authentication", [])),
    ]
    rows = decoder.rows(*(record for record, _ in given))
    assert [some(row, "status_code", "error_code", "error_type", "flags") for row in rows] == [
        expected for _, expected in given
    ]
    assert {some(row, "status", "tokens_input", "tokens_output") for row in rows} == {("error", None, None)}


def test_a_stream_that_was_cut_keeps_its_tokens_and_cost(decoder: Decoder) -> None:
    row = decoder.row(
        failure(
            code="", error_class="ReadError", text="Response payload is not completed", response_cost=8.1e-06,
            prompt_tokens=26, completion_tokens=7, metadata__usage_object={"prompt_tokens": 26, "completion_tokens": 7},
        )
    )  # fmt: skip
    assert some(row, "success", "error_type", "tokens_input", "tokens_output") == (False, "provider_outage", 26, 7)
    assert some(row, "reported_cost_usd", "flags") == (Decimal("0.0000081"), [])


def test_embeddings_responses_and_messages_are_calls_and_administration_is_none(decoder: Decoder) -> None:
    embedding = {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4}
    rows = decoder.rows(
        payload(call_type="aembedding", metadata__usage_object=embedding, response__choices=None),
        payload(call_type="aresponses", response__choices=None, response__status="completed"),
        payload(
            call_type="aresponses", response__choices=None, response__status="incomplete",
            response__incomplete_details={"reason": "max_output_tokens"},
        ),
        payload(call_type="anthropic_messages"),
    )  # fmt: skip
    assert [some(row, "outcome", "operation", "finish_reason", "flags") for row in rows] == [
        ("accepted", "embedding", None, []),
        ("accepted", "chat", "stop", []),
        ("accepted", "chat", "length", []),
        ("accepted", "chat", "stop", []),
    ]
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "metadata__usage_object": {}, "response": {}}
    idle = ("acreate_thread", "afile_list", "avector_store_search", "call_mcp_tool", "acreate_batch")
    administration = decoder.rows(*(payload(call_type=call_type, **nothing) for call_type in idle))
    assert {some(row, "outcome", "event_id", "reject_reason") for row in administration} == {("not_a_call", None, None)}
    assert decoder.row(payload(call_type="arun_thread"))["outcome"] == "accepted"


def test_broken_payloads_are_rejected_and_not_taken_for_another_format(decoder: Decoder) -> None:
    parted = {**USAGE, "prompt_tokens_details": {"cached_tokens": 3601}}
    given = {
        "missing_timestamp": {key: value for key, value in PAYLOAD.items() if key != "startTime"},
        "implausible_timestamp": payload(startTime=1.0),
        "future_timestamp": payload(startTime=1795188872.0 + 3 * 86400),
        "bad_type": payload(metadata__usage_object={**USAGE, "prompt_tokens": "many"}),
        "negative_tokens": payload(prompt_tokens=-5),
        "token_overflow": payload(metadata__usage_object={**USAGE, "completion_tokens": 10**20}),
        "parts_exceed_total": payload(metadata__usage_object=parted),
    }
    rows = decoder.rows(*given.values())
    assert [some(row, "format", "reject_reason") for row in rows] == [("litellm_payload", reason) for reason in given]
    assert all(SECRET not in row["payload"] for row in rows)


def test_a_key_that_comes_twice_in_an_object_that_is_read_is_a_duplicate(decoder: Decoder) -> None:
    text = json.dumps(payload())
    twice = text.replace('"usage_object": {', '"usage_object": {"prompt_tokens": 1, ', 1)
    deeper = text.replace('"requester_metadata": {', '"requester_metadata": {"ticket": "1", ')
    assert [row["reject_reason"] for row in decoder.rows(twice, deeper)] == ["duplicate_key"] * 2


def test_nothing_of_messages_answers_tools_and_prompts_reaches_a_column(decoder: Decoder) -> None:
    row = decoder.row(payload())
    assert [name for name, value in row.items() if SECRET in str(value)] == []


def test_a_redacted_or_odd_response_costs_no_more_than_what_it_held(decoder: Decoder) -> None:
    odd: list[object] = ["redacted-by-litellm", None, [], {"choices": "x", "model": None}, {"choices": [None, 5]}]
    rows = decoder.rows(*(payload(response=response) for response in odd), payload(model_parameters="redacted"))
    assert {some(row, "outcome", "tokens_input", "provider") for row in rows} == {("accepted", 3600, "anthropic")}
    assert {row["model"] for row in rows[:5]} == {"claude-sonnet-4-5"}
