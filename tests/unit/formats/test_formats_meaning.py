"""What records mean whatever their format: provider, model, outcome, error class, usage."""

import pytest
from decoding import Decoder, Row, flat, some
from payloads import payload


def failed(**fields: object) -> Row:
    """A failure that states no usage."""
    return flat(success=False, tokens_input=None, tokens_output=None, cost_usd=None) | fields


def test_providers_have_one_name_and_are_inferred_from_the_model_where_unknown(decoder: Decoder) -> None:
    given = {
        ("Azure OpenAI", "gpt-4o"): ("azure", []),
        ("azure_ai", "gpt-4o"): ("azure", []),
        ("gemini", "gemini-2.5-pro"): ("google", []),
        ("gcp.gemini", "gemini-2.5-pro"): ("google", []),
        ("vertex-ai", "gemini-2.5-pro"): ("vertex_ai", []),
        ("Some Startup", "x-1"): ("some_startup", []),
        (None, "gpt-4o"): ("openai", ["inferred_provider"]),
        (None, "claude-sonnet-4-5"): ("anthropic", ["inferred_provider"]),
        (None, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"): ("bedrock", ["inferred_provider"]),
        (None, "groq/llama-3.3-70b-versatile"): ("groq", []),
        (None, "nimbus-internal-9b"): (None, []),
    }
    rows = decoder.rows(*(flat(provider=provider, model=model) for provider, model in given))
    assert [some(row, "provider", "flags") for row in rows] == list(given.values())


def test_models_lose_their_provider_and_region_and_keep_what_was_asked(decoder: Decoder) -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    application = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    bare = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    given = {
        ("openai", "gpt-4o"): ("gpt-4o", None, None),
        ("openai", "openai/gpt-4o"): ("gpt-4o", "openai/gpt-4o", None),
        ("openrouter", "anthropic/claude-sonnet-4.5"): ("anthropic/claude-sonnet-4.5", None, None),
        ("bedrock", f"eu.{bare}"): (bare, f"eu.{bare}", "eu"),
        ("bedrock", f"bedrock/converse/us.{bare}"): (bare, f"bedrock/converse/us.{bare}", "us"),
        ("bedrock", profile): (bare, profile, "us"),
        ("bedrock", application): (None, application, None),
        ("bedrock", f"bedrock/{application}"): (None, f"bedrock/{application}", None),
    }
    rows = decoder.rows(*(flat(provider=provider, model=model) for provider, model in given))
    assert [some(row, "model", "requested_model", "region_scope") for row in rows] == list(given.values())


OUTCOMES: list[tuple[Row, tuple[str | None, bool | None]]] = [
    ({"success": True}, ("success", True)),
    ({"success": 0}, ("error", False)),
    ({"success": None, "status": "OK"}, ("success", True)),
    ({"success": None, "status": "Failed"}, ("error", False)),
    ({"success": None, "status": "cancelled"}, ("cancelled", False)),
    ({"success": None, "status_code": 200}, ("success", True)),
    ({"success": None, "status_code": 503}, ("error", False)),
    ({"success": None, "status_code": 499}, ("cancelled", False)),
    ({"success": None, "status": "429"}, ("error", False)),
    ({"success": None, "error_message": "boom"}, ("error", False)),
    ({"success": None, "finish_reason": "stop"}, ("success", True)),
    ({"success": None}, (None, None)),
]


def test_the_outcome_is_taken_from_wherever_it_is_stated(decoder: Decoder) -> None:
    rows = decoder.rows(*(flat(**fields) for fields, _ in OUTCOMES))
    assert [some(row, "status", "success") for row in rows] == [expected for _, expected in OUTCOMES]


def test_errors_have_a_class_and_the_status_that_is_in_their_text(decoder: Decoder) -> None:
    given: list[tuple[Row, tuple[str, int | None]]] = [
        ({"status_code": 429}, ("rate_limit", 429)),
        ({"error_message": "Error code: 429 - slow down"}, ("rate_limit", 429)),
        ({"error_message": "HTTP 503 from upstream"}, ("provider_outage", 503)),
        ({"error_code": "timeout"}, ("timeout", None)),
        ({"error_code": "context_overflow", "status_code": 400}, ("context_overflow", 400)),
        ({"status_code": 400, "error_message": "maximum context length is 8192"}, ("context_overflow", 400)),
        ({"status_code": 400, "error_code": "content_filter"}, ("content_filter", 400)),
        ({"status_code": 401}, ("authentication", 401)),
        ({"status_code": 404}, ("invalid_request", 404)),
        ({"status_code": 408}, ("timeout", 408)),
        ({"status_code": 500}, ("provider_outage", 500)),
        ({"error_code": "weird"}, ("other", None)),
    ]
    rows = decoder.rows(*(failed(**fields) for fields, _ in given))
    assert [some(row, "error_type", "status_code") for row in rows] == [expected for _, expected in given]


def test_error_messages_are_cut_at_five_hundred_characters(decoder: Decoder) -> None:
    row = decoder.row(failed(error_message="é" * 800))
    assert row["error_message"] == "é" * 500


def test_finish_reasons_and_tiers_are_words_of_a_closed_list(decoder: Decoder) -> None:
    given = {
        "end_turn": "stop", "STOP": "stop", "max_tokens": "length", "MAX_TOKENS": "length", "SAFETY": "content_filter",
        "tool_use": "tool_calls", "function_call": "tool_calls", "guardrail_intervened": "guardrail_intervened",
        "malformed_function_call": "error", "pause_turn": "other",
    }  # fmt: skip
    rows = decoder.rows(*(flat(finish_reason=word) for word in given))
    assert [row["finish_reason"] for row in rows] == list(given.values())
    tiers = {"default": "standard", "on_demand": "standard", "Flex": "flex", "priority": "priority", "batches": "batch"}
    rows = decoder.rows(*(flat(service_tier=word) for word in tiers))
    assert [row["service_tier"] for row in rows] == list(tiers.values())


def test_a_success_without_usage_is_unknown_usage_and_not_zero(decoder: Decoder) -> None:
    rows = decoder.rows(
        flat(tokens_input=0, tokens_output=0),
        flat(tokens_input=None, tokens_output=None),
        flat(tokens_input=0, tokens_output=0, cache_hit=True),
        flat(tokens_input=0, tokens_output=0, operation="image_generation"),
        flat(tokens_output=None),
    )
    assert [some(row, "tokens_input", "tokens_output", "tokens_total", "flags") for row in rows] == [
        (None, None, None, ["usage_missing"]),
        (None, None, None, ["usage_missing"]),
        (0, 0, 0, []),
        (0, 0, 0, []),
        (100, None, None, []),
    ]


def test_failures_that_may_have_used_tokens_are_told_from_those_that_are_free(decoder: Decoder) -> None:
    given = {400: [], 401: [], 404: [], 422: [], 429: [], 408: ["usage_missing"], 499: ["usage_missing"]}
    given |= {500: ["usage_missing"], 504: ["usage_missing"]}
    rows = decoder.rows(*(failed(status_code=code) for code in given))
    assert [row["flags"] for row in rows] == list(given.values())
    kept = decoder.row(flat(success=False, status_code=499))
    assert some(kept, "status", "error_type", "tokens_input", "flags") == ("cancelled", "cancelled", 100, [])


def test_no_output_is_an_anomaly_of_what_generates_only(decoder: Decoder) -> None:
    rows = decoder.rows(
        flat(tokens_output=0),
        flat(tokens_output=0, operation="embedding"),
        flat(tokens_output=0, model="text-embedding-3-small"),
        flat(tokens_output=0, success=False),
        flat(tokens_output=0, cache_hit=True),
    )
    assert [row["flags"] for row in rows] == [["zero_output"], [], [], [], []]
    assert rows[2]["operation"] == "embedding"


@pytest.mark.parametrize("record", [flat(tenant_id="beta"), flat(tenant_id=None), payload()])
def test_the_tenant_of_the_source_stands_over_that_of_any_record(decoder: Decoder, record: Row) -> None:
    assert decoder.row(record, source_tenant="acme")["tenant_id"] == "acme"
