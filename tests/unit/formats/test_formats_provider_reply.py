"""Raw replies of providers: one test for each convention that the families state."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decoding import Decoder, Row, some
from replies import (
    CHAT,
    COHERE,
    CONVERSE,
    EMBEDDING,
    GEMINI,
    MESSAGE,
    OPENROUTER,
    RESPONSES,
    SECRET,
    WRAPPER,
    chat,
    wrapped,
)  # fmt: skip

COUNTS = ("tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")


def usage(**counts: Any) -> Row:
    """A chat completion whose usage is this."""
    return wrapped(chat(counts))


def test_a_reply_is_a_call_with_what_its_wrapper_says(decoder: Decoder) -> None:
    asked = {"user": "u-2", "feature": "search", "request_id": "req-1", "streaming": False, "session_id": "s-1"}
    more = {"model": "gpt-5-mini", "tags": {"ticket": "ABC-1", "prompt": SECRET}, "metadata": {"environment": "prod"}}
    row = decoder.row(wrapped(CHAT, **asked, **more))
    assert some(row, "format", "outcome", "flags") == ("provider_reply", "accepted", [])
    assert some(row, "event_id", "request_id", "session_id") == ("chatcmpl-CcXm1", "req-1", "s-1")
    assert row["event_time"] == datetime(2026, 11, 20, 15, 0, 0, 250000, tzinfo=UTC)
    assert some(row, "tenant_id", "user_id", "feature", "environment") == ("team-søk", "u-2", "search", "prod")
    assert row["tags"] == {"ticket": "ABC-1", "environment": "prod"}
    assert some(row, "provider", "model", "requested_model") == ("openai", "gpt-5-mini-2025-08-07", "gpt-5-mini")
    assert some(row, "operation", "service_tier", "finish_reason") == ("chat", "standard", "stop")
    assert some(row, "latency_ms", "status_code", "status", "streaming") == (810.0, 200, "success", False)
    assert row["reported_cost_usd"] is None


def test_input_and_output_include_cache_and_reasoning_in_every_family(decoder: Decoder) -> None:
    given = {
        # 1200 and 300 as stated: cached and reasoned tokens are inside.
        "chat": (CHAT, (1200, 1024, None, 300, 192)),
        "responses": (RESPONSES, (900, 512, 128, 450, 320)),
        # 30 + 2000 read + 700 written.
        "anthropic": (MESSAGE, (2730, 2000, 700, 150, 60)),
        # 500 + 80 of tools; 40 + 90 thoughts.
        "gemini": (GEMINI, (580, 300, None, 130, 90)),
        # 22 + 2092 read + 500 written, each of the two once.
        "bedrock": (CONVERSE, (2614, 2092, 500, 13, None)),
        "cohere": (COHERE, (51, None, None, 13, None)),
        "embedding": (EMBEDDING, (7, None, None, None, None)),
        "openrouter": (OPENROUTER, (1000, 600, 300, 50, None)),
    }
    rows = decoder.rows(*(wrapped(reply) for reply, _ in given.values()))
    assert [some(row, *COUNTS) for row in rows] == [expected for _, expected in given.values()]
    assert [row["flags"] for row in rows] == [[], [], [], [], [], [], ["derived_event_id"], []]


def test_each_family_has_its_id_tier_finish_and_other_charges(decoder: Decoder) -> None:
    rows = decoder.rows(*(wrapped(reply) for reply in (RESPONSES, MESSAGE, GEMINI, CONVERSE, COHERE, EMBEDDING)))
    assert [some(row, "event_id", "service_tier", "finish_reason", "operation") for row in rows[:5]] == [
        ("resp_68a1", "flex", "stop", "chat"),
        ("msg_01XFDUDYJgAACzvnptvVoYEL", "batch", "stop", "chat"),
        ("r-7Yx", "flex", "stop", "chat"),
        ("9f1c-77", "priority", "length", "chat"),
        ("c14c80c3", None, "stop", "chat"),
    ]
    # Of the two searches of the Responses reply one only opened a page.
    assert [row["web_search_requests"] for row in rows] == [1, 2, None, None, None, None]
    assert [row["tokens_cache_write_1h"] for row in rows] == [None, 400, None, 200, None, None]
    assert [row["model"] for row in rows[:3]] == ["gpt-5.4-2026-03-05", "claude-sonnet-4-5-20250929", "gemini-2.5-pro"]
    # 320 of audio, of which 250 came from the cache.
    assert some(rows[2], "tokens_audio_input", "tokens_image_input") == (70, None)
    assert rows[5]["operation"] == "embedding"


def test_the_shape_tells_the_provider_where_none_or_a_gateway_is_named(decoder: Decoder) -> None:
    groq = usage(prompt_tokens=42, completion_tokens=8, total_tokens=50, queue_time=0.14)["response"]
    mistral = usage(prompt_tokens=90, completion_tokens=8, num_cached_tokens=48)["response"]
    deepseek = usage(prompt_tokens=875, completion_tokens=3, prompt_cache_hit_tokens=0)["response"]
    given = {
        "azure": {**CHAT, "prompt_filter_results": [{"prompt_index": 0}]},
        "groq": groq,
        "mistral": mistral,
        "deepseek": deepseek,
        "openai": RESPONSES,
        "anthropic": MESSAGE,
        "bedrock": CONVERSE,
        "vertex_ai": GEMINI,
        "google": {**GEMINI, "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}},
        "cohere": COHERE,
        "openrouter": OPENROUTER,
    }
    for gateway in ("LiteLLM proxy", "ai-gateway"):
        rows = decoder.rows(*(wrapped(reply, provider=gateway) for reply in given.values()))
        assert [row["provider"] for row in rows] == list(given)
    rows = decoder.rows(*(wrapped(reply, provider=None) for reply in given.values()))
    assert [row["provider"] for row in rows] == list(given)
    assert rows[10]["upstream_provider"] == "anthropic"
    invoked = {**MESSAGE, "id": "msg_bdrk_01", "model": "claude-sonnet-4-5-20250929"}
    rows = decoder.rows(wrapped(invoked, provider=None), wrapped(CHAT, provider=None), wrapped(MESSAGE, provider="AWS"))
    assert [some(row, "provider", "flags") for row in rows] == [
        ("bedrock", []),
        ("openai", ["inferred_provider"]),
        ("bedrock", []),
    ]
    # Whoever serves it, the shape says what the input includes.
    assert [row["tokens_input"] for row in rows] == [2730, 1200, 2730]


def test_cached_tokens_have_five_names_in_one_shape(decoder: Decoder) -> None:
    sent = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    rows = decoder.rows(
        usage(**sent, prompt_tokens_details={"cached_tokens": 11}),
        usage(**sent, prompt_cache_hit_tokens=12, prompt_cache_miss_tokens=88),
        usage(**sent, num_cached_tokens=13),
        usage(**sent, cached_tokens=14),
        usage(**sent, cache_read_input_tokens=15, cache_creation_input_tokens=4),
        usage(**sent, prompt_tokens_details=None, completion_tokens_details=None),
    )
    assert [some(row, "tokens_input", "tokens_cache_read", "tokens_cache_write") for row in rows] == [
        (100, 11, None), (100, 12, None), (100, 13, None), (100, 14, None), (100, 15, 4), (100, None, None),
    ]  # fmt: skip


def test_a_total_above_the_sum_is_reasoning_that_was_not_stated(decoder: Decoder) -> None:
    details = {"reasoning_tokens": 94}
    rows = decoder.rows(
        # 109 - (35 + 12) = 62, through Gemini's compatible door.
        usage(prompt_tokens=35, completion_tokens=12, total_tokens=109),
        # xAI states the 94 beside the completion: 32 + 9 + 94 = 135.
        usage(prompt_tokens=32, completion_tokens=9, total_tokens=135, completion_tokens_details=details),
        # 10 were stated and are inside the 12; 62 more are hidden.
        usage(
            prompt_tokens=35, completion_tokens=12, total_tokens=109, completion_tokens_details={"reasoning_tokens": 10}
        ),
        usage(prompt_tokens=35, completion_tokens=12, total_tokens=47),
        usage(prompt_tokens=35, total_tokens=109),
    )
    hidden = ["hidden_reasoning_from_total"]
    assert [some(row, "tokens_output", "tokens_reasoning", "tokens_total", "flags") for row in rows] == [
        (74, 62, 109, hidden), (103, 94, 135, []), (74, 72, 109, hidden), (12, None, 47, []), (None, None, None, []),
    ]  # fmt: skip


def test_the_iterations_of_a_message_count_where_they_sum_to_more(decoder: Decoder) -> None:
    def message(*iterations: Row) -> Row:
        counts = {"input_tokens": 23000, "output_tokens": 1000, "iterations": list(iterations)}
        return wrapped({**MESSAGE, "usage": counts})

    own = {"type": "message", "input_tokens": 23000, "output_tokens": 1000}
    compaction = {"type": "compaction", "input_tokens": 180000, "output_tokens": 3500, "cache_read_input_tokens": 7}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2518, "output_tokens": 22}
    rows = decoder.rows(message(), message(own), message(compaction, own), message(own, advisor))
    # 180000 + 23000 + 7 read from the cache; 23000 + 2518.
    assert [some(row, "tokens_input", "tokens_cache_read", "tokens_output") for row in rows] == [
        (23000, None, 1000), (23000, None, 1000), (203007, 7, 4500), (25518, None, 1022),
    ]  # fmt: skip


def test_totals_of_gemini_win_over_its_details_and_zeros_are_left_out(decoder: Decoder) -> None:
    def gemini(candidates: bool = True, **counts: Any) -> Row:
        return wrapped(
            {"candidates": [{"finishReason": "MAX_TOKENS"}] if candidates else None, "usageMetadata": counts}
        )

    image = [{"modality": "IMAGE", "tokenCount": 258}, {"modality": "AUDIO", "tokenCount": 30}]
    rows = decoder.rows(
        gemini(promptTokenCount=100, promptTokensDetails=image, candidatesTokenCount=3, totalTokenCount=103),
        gemini(promptTokenCount=100, totalTokenCount=100),
        gemini(promptTokenCount=15, thoughtsTokenCount=2, totalTokenCount=17),
        gemini(candidates=False, promptTokenCount=11, totalTokenCount=11),
    )
    assert [some(row, "tokens_input", "tokens_image_input", "tokens_audio_input", "tokens_output") for row in rows] == [
        (100, 100, 30, 3), (100, None, None, 0), (15, None, None, 2), (11, None, None, None),
    ]  # fmt: skip
    assert [some(row, "operation", "finish_reason") for row in rows[1:]] == [
        ("chat", "length"), ("chat", "length"), ("embedding", None),
    ]  # fmt: skip
    assert rows[1]["flags"] == ["derived_event_id", "zero_output"]


def test_the_processed_tokens_of_cohere_count_where_none_are_billed(decoder: Decoder) -> None:
    tokens = {"tokens": {"input_tokens": 1533, "output_tokens": 36}, "cached_tokens": 1440}
    images = {"billed_units": {"input_tokens": 4, "image_tokens": 90}}
    rows = decoder.rows(
        wrapped({**COHERE, "usage": tokens}),
        wrapped({"id": "e-1", "embeddings": {"float": [[0.1]]}, "meta": images}),
        wrapped({"id": "r-1", "results": [{"index": 0}], "meta": {"billed_units": {"search_units": 1}}}),
    )  # fmt: skip
    assert [some(row, "tokens_input", "tokens_cache_read", "tokens_image_input", "operation") for row in rows] == [
        (1533, 1440, None, "chat"), (94, None, 90, "embedding"), (None, None, None, "rerank"),
    ]  # fmt: skip
    assert rows[2]["flags"] == []


def test_billed_costs_are_those_of_openrouter_and_xai(decoder: Decoder) -> None:
    sent = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    byok = {**OPENROUTER["usage"], "cost": 0, "is_byok": True}
    given = [
        (wrapped(OPENROUTER, provider="openrouter"), (Decimal("0.00219855"), "billed")),
        (wrapped({**OPENROUTER, "usage": byok}, provider=None), (Decimal(0), "billed")),
        # 37,756,000 ticks of 1e-10 dollars.
        (wrapped(chat({**sent, "cost_in_usd_ticks": 37756000}), provider="xai"), (Decimal("0.0037756"), "billed")),
        (wrapped(chat({**sent, "cost": 0.5}), provider="my_startup"), (Decimal("0.5"), "estimated")),
        (wrapped(chat({**sent, "cost": {"total_cost": 0.25}}), provider="perplexity"), (Decimal("0.25"), "billed")),
        (wrapped(chat(sent | {"pydantic_ai_gateway": {"cost_estimate": 3e-05}})), (Decimal("0.00003"), "estimated")),
        (wrapped(CHAT), (None, None)),
    ]  # fmt: skip
    rows = decoder.rows(*(record for record, _ in given))
    assert [some(row, "reported_cost_usd", "reported_cost_kind") for row in rows] == [cost for _, cost in given]


def test_a_reply_that_was_kept_as_text_is_the_same(decoder: Decoder) -> None:
    kept: list[Any] = [CHAT, json.dumps(CHAT), f"\n {json.dumps(CHAT, indent=2)}\n"]
    rows = [{**row, "line": None} for row in decoder.rows(*(wrapped(reply) for reply in kept))]
    assert rows[1:] == rows[:1] * 2
    assert some(rows[0], "tokens_input", "streaming") == (1200, None)


def test_a_batch_is_one_whatever_tier_its_reply_names(decoder: Decoder) -> None:
    rows = decoder.rows(wrapped(CHAT, service_tier="batch"), wrapped(CHAT, service_tier="flex"), wrapped(GEMINI))
    assert [row["service_tier"] for row in rows] == ["batch", "standard", "flex"]


def test_what_was_asked_is_the_model_where_the_reply_has_none_but_a_deployment_never_is(decoder: Decoder) -> None:
    asked = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    routed = {
        **CONVERSE,
        "trace": {"promptRouter": {"invokedModelId": f"arn:aws:bedrock:us-east-1::inference-profile/{asked}"}},
    }
    failed = {"error": {"message": "no such deployment", "code": "DeploymentNotFound"}}
    rows = decoder.rows(
        wrapped(CONVERSE, provider="bedrock", model=asked),
        wrapped(routed, provider="bedrock", request={"modelId": "arn:aws:bedrock:us-east-1:1:default-prompt-router/x"}),
        wrapped(failed, provider="azure", model="chat-prod", http_status=404),
        wrapped(failed, provider="openai", model="gpt-5", http_status=404),
    )  # fmt: skip
    assert [some(row, "model", "region_scope") for row in rows] == [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "us"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "us"),
        (None, None),
        ("gpt-5", None),
    ]
    assert rows[2]["requested_model"] == "chat-prod"


def test_a_reply_of_no_known_shape_costs_the_call_no_more_than_its_usage(decoder: Decoder) -> None:
    odd: list[Any] = [
        {},
        [],
        "",
        "hello",
        5,
        {"usage": None},
        {"usage": "x"},
        {"choices": "x"},
        [None, 5, {}],
        {"x": 1},
    ]
    rows = decoder.rows(*(wrapped(reply) for reply in odd))
    assert {some(row, "outcome", "status", "tokens_input") for row in rows} == {("accepted", "success", None)}
    assert all("usage_missing" in row["flags"] for row in rows)


def test_nothing_of_what_was_answered_reaches_a_column(decoder: Decoder) -> None:
    replies = (CHAT, RESPONSES, MESSAGE, GEMINI, CONVERSE, COHERE, OPENROUTER)
    rows = decoder.rows(*(wrapped(reply, request={"messages": [SECRET], "model": "m"}) for reply in replies))
    assert [name for row in rows for name, value in row.items() if SECRET in str(value)] == []
    assert WRAPPER["tenant"] == rows[0]["tenant_id"]


@pytest.mark.parametrize("name", ["provider_reply", "openai_batch_output"])
def test_every_sample_is_accepted(decoder: Decoder, name: str) -> None:
    samples = Path(__file__).parent / "samples" / f"{name}.ndjson"
    rows = decoder.rows(*samples.read_text(encoding="utf-8").splitlines())
    assert {some(row, "format", "outcome") for row in rows} == {(name, "accepted")}
