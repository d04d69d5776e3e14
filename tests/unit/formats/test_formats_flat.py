"""The shapes of the four seeds, and the names that flat records may use."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

from decoding import Decoder, flat, some

STREAM = {
    "tenant_id": "acme",
    "provider": "Azure OpenAI",
    "model": "gpt-4o",
    "event_type": "chat_completion",
    "cache_hit": False,
    "tokens_input": 1200,
    "tokens_output": 300,
    "latency_ms": 850,
    "cost_usd": 0.0105,
    "success": True,
    "timestamp": "2026-11-20T14:07:30.123Z",
}
REQUEST_LOG = {
    "requestId": "550e8400-e29b-41d4-a716-446655440000",
    "timestamp": "2026-11-20T15:00:00.250Z",
    "configId": "cfg_support",
    "variantId": "var_b",
    "environment": "production",
    "provider": "openai",
    "model": "gpt-4o-mini",
    "promptTokens": 1200,
    "completionTokens": 80,
    "totalTokens": 1280,
    "cachedTokens": 1024,
    "costMicroDollars": 6600,
    "latencyMs": 420,
    "statusCode": 200,
    "streaming": True,
    "tags": {
        "tenantSlug": "acme-corp",
        "userId": "user_123",
        "feature": "customer-support",
        "sessionId": "sess_abc123",
    },
}
TUTORIAL_OF_NINE = (
    '{"event_time": "2025-05-09 05:16:02", "model_name": "gpt-4", "prompt_tokens": 776, "completion_tokens": 276, '
    '"total_tokens": 1052, "cost": 0.1328, "latency": 2738839277.5, "success": 1, "error_message": ""}'
)
TUTORIAL_OF_THIRTEEN = {
    "request_id": "req-001",
    "user_id": "user_alice",
    "model": "gpt-4o",
    "prompt_tokens": 800,
    "completion_tokens": 0,
    "total_tokens": 800,
    "latency_ms": 850,
    "status": "error",
    "error_code": "rate_limit_error",
    "finish_reason": None,
    "temperature": 0.7,
    "cost_usd": 0.0,
    "logged_at": "2025-03-12 14:05:00+00:00",
}


def test_the_stream_of_eleven_columns_has_no_id_and_takes_one_from_its_position(decoder: Decoder) -> None:
    row = decoder.row(STREAM)
    assert some(row, "outcome", "format", "flags") == ("accepted", "flat", ["derived_event_id"])
    assert row["event_id"].startswith("pos-")
    assert row["event_time"] == datetime(2026, 11, 20, 14, 7, 30, 123000, tzinfo=UTC)
    assert some(row, "tenant_id", "provider", "model", "operation") == ("acme", "azure", "gpt-4o", "chat")
    assert some(row, "tokens_input", "tokens_output", "tokens_total") == (1200, 300, 1500)
    assert some(row, "latency_ms", "success", "status", "cache_hit") == (850.0, True, "success", False)
    assert some(row, "reported_cost_usd", "reported_cost_kind") == (Decimal("0.0105"), "estimated")
    assert row["tags"] == {}


def test_a_derived_id_depends_on_source_object_version_and_line_only(decoder: Decoder) -> None:
    first, second = (row["event_id"] for row in decoder.rows(STREAM, STREAM))
    assert first != second
    assert [row["event_id"] for row in decoder.rows(STREAM, STREAM)] == [first, second]
    assert decoder.row(STREAM, version="v2")["event_id"] != first
    assert decoder.row(STREAM, source="other")["event_id"] != first


def test_an_event_type_that_is_no_operation_is_a_tag(decoder: Decoder) -> None:
    row = decoder.row({**STREAM, "event_type": "nightly"})
    assert some(row, "operation", "tags") == (None, {"event_type": "nightly"})


def test_the_request_log_has_micro_dollars_tags_and_its_request_id_as_id(decoder: Decoder) -> None:
    row = decoder.row(REQUEST_LOG)
    assert some(row, "outcome", "flags") == ("accepted", [])
    assert row["event_id"] == row["request_id"] == "550e8400-e29b-41d4-a716-446655440000"
    assert row["reported_cost_usd"] == Decimal("0.0066")
    assert some(row, "tenant_id", "user_id", "feature", "session_id") == (
        "acme-corp", "user_123", "customer-support", "sess_abc123",
    )  # fmt: skip
    assert some(row, "config_id", "variant_id", "environment") == ("cfg_support", "var_b", "production")
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_output") == (1200, 1024, 80)
    assert some(row, "streaming", "status_code", "success", "latency_ms") == (True, 200, True, 420.0)
    assert row["tags"] == REQUEST_LOG["tags"]


def test_a_cost_object_is_in_micro_dollars_with_its_total_or_the_sum_of_its_parts(decoder: Decoder) -> None:
    base = {key: value for key, value in REQUEST_LOG.items() if key != "costMicroDollars"}
    rows = decoder.rows(
        {**base, "cost": {"input": 1500.5, "output": 4800, "total": 6300.5}},
        {**base, "cost": {"input": 1500.5, "output": 4800}},
    )
    assert [row["reported_cost_usd"] for row in rows] == [Decimal("0.0063005")] * 2


def test_litellm_style_metadata_names_team_organisation_user_and_key_and_is_no_tag(decoder: Decoder) -> None:
    metadata = {
        "user_api_key_team_id": "team-a",
        "user_api_key_org_id": "org-1",
        "user_api_key_user_id": "u-1",
        "user_api_key_hash": "ab12",
        "feature": "chat",
    }
    untenanted = flat(tenant_id=None, metadata=metadata)
    without_team = {**untenanted, "metadata": {**metadata, "user_api_key_team_id": None}}
    rows = decoder.rows(untenanted, without_team)
    assert some(rows[0], "tenant_id", "user_id", "api_key_id") == ("team-a", "u-1", "ab12")
    assert rows[0]["tags"] == {"feature": "chat"}
    assert rows[1]["tenant_id"] == "org-1"


def test_the_tutorial_of_nine_fields_is_naive_utc_with_latency_as_milliseconds(decoder: Decoder) -> None:
    row = decoder.row(TUTORIAL_OF_NINE)
    assert some(row, "outcome", "flags") == (
        "accepted",
        ["derived_event_id", "inferred_provider", "naive_timestamp_assumed_utc"],
    )
    assert row["event_time"] == datetime(2025, 5, 9, 5, 16, 2, tzinfo=UTC)
    assert some(row, "model", "provider", "tenant_id") == ("gpt-4", "openai", None)
    assert some(row, "tokens_input", "tokens_output", "tokens_total") == (776, 276, 1052)
    assert some(row, "reported_cost_usd", "latency_ms") == (Decimal("0.1328"), 2738839277.5)
    assert some(row, "success", "error_message", "error_type") == (True, None, None)


def test_the_tutorial_of_thirteen_fields_has_its_request_id_as_id(decoder: Decoder) -> None:
    row = decoder.row(TUTORIAL_OF_THIRTEEN)
    assert some(row, "event_id", "request_id") == ("req-001", "req-001")
    assert row["event_time"] == datetime(2025, 3, 12, 14, 5, tzinfo=UTC)
    assert some(row, "status", "success", "error_code", "error_type") == (
        "error", False, "rate_limit_error", "rate_limit",
    )  # fmt: skip
    assert some(row, "tokens_input", "tokens_output", "reported_cost_usd") == (800, 0, Decimal(0))
    assert some(row, "temperature", "user_id", "finish_reason") == (0.7, "user_alice", None)
    assert row["flags"] == ["inferred_provider"]


def test_a_request_id_is_no_event_id_unless_shape_or_source_says_so(decoder: Decoder) -> None:
    record = flat(event_id=None, request_id="req-1")
    assert decoder.row(record)["event_id"].startswith("pos-")
    assert decoder.row(record, request_id_is_unique=True)["event_id"] == "req-1"
    assert some(decoder.row(flat(request_id="req-1"), request_id_is_unique=True), "event_id", "request_id") == (
        "evt-1", "req-1",
    )  # fmt: skip


ALIASES = {
    "event_id": ["event_id", "id", "call_id"],
    "request_id": ["request_id", "requestId"],
    "tenant_id": ["tenant_id", "tenant", "tenantSlug"],
    "user_id": ["user_id", "user", "userId"],
    "environment": ["environment"],
    "config_id": ["config", "config_id", "configId"],
    "variant_id": ["variant", "variant_id", "variantId"],
    "finish_reason": ["finish_reason"],
}


def test_every_alias_of_an_identifier_is_read(decoder: Decoder) -> None:
    base = {"model": "gpt-4o", "timestamp": "2026-11-20T15:00:00Z", "tokens_input": 1, "tokens_output": 1}
    cases = [(column, alias) for column, aliases in ALIASES.items() for alias in aliases]
    rows = decoder.rows(*({**base, alias: "length"} for _, alias in cases))
    assert [(alias, row[column]) for (column, alias), row in zip(cases, rows, strict=True)] == [
        (alias, "length") for _, alias in cases
    ]


COUNT_ALIASES = {
    "tokens_input": ["tokens_input", "input_tokens", "prompt_tokens", "promptTokens"],
    "tokens_output": ["tokens_output", "output_tokens", "completion_tokens", "completionTokens"],
    "tokens_cache_read": ["tokens_cache_read", "cached_input_tokens", "cached_tokens", "cachedTokens"],
    "latency_ms": ["latency_ms", "latencyMs", "latency"],
    "status_code": ["status_code", "statusCode"],
    "reported_cost_usd": ["cost_usd", "cost", "total_cost"],
}


def test_every_alias_of_a_number_is_read(decoder: Decoder) -> None:
    base = {"model": "gpt-4o", "timestamp": "2026-11-20T15:00:00Z", "id": "e", "success": True}
    whole = {"tokens_cache_read": {"tokens_input": 500}}
    cases = [(column, alias) for column, aliases in COUNT_ALIASES.items() for alias in aliases]
    rows = decoder.rows(*({**base, **whole.get(column, {}), alias: 200} for column, alias in cases))
    assert [(alias, row["reject_reason"], row[column]) for (column, alias), row in zip(cases, rows, strict=True)] == [
        (alias, None, 200) for _, alias in cases
    ]


def test_the_first_known_alias_wins_and_null_is_not_known(decoder: Decoder) -> None:
    rows = decoder.rows(
        flat(input_tokens=7), {**flat(input_tokens=7), "tokens_input": None}, flat(model="gpt-4o", model_name="other")
    )
    assert [row["tokens_input"] for row in rows[:2]] == [100, 7]
    assert rows[2]["model"] == "gpt-4o"


def test_tags_are_an_object_or_a_list_without_bookkeeping(decoder: Decoder) -> None:
    listed = ["team:core", "team:later", "beta", "User-Agent: example/1"]
    rows = decoder.rows(*(flat(tags=tags) for tags in ({"team": "core", "beta": ""}, ["team:core", "beta"], listed)))
    assert [row["tags"] for row in rows] == [{"team": "core", "beta": ""}] * 3


def test_tags_hold_text_and_never_contents(decoder: Decoder) -> None:
    tags = {
        "release": 12,
        "is_test": False,
        "none": None,
        "prompt": "tell me a secret",
        "system_prompt": "you are",
        "nested": {"deep": "secret"},
        "list": ["secret"],
        "note": "x" * 300,
    }
    found = decoder.row(flat(tags=tags))["tags"]
    assert found.keys() == {"release", "is_test", "note"}
    assert some(found, "release", "is_test") == ("12", "false")
    assert found["note"] == f"length:300 sha256:{sha256(b'x' * 300).hexdigest()}"


def test_metadata_wins_over_tags(decoder: Decoder) -> None:
    row = decoder.row(flat(tags={"a": "1", "b": "1"}, metadata={"b": "2", "c": "2"}))
    assert row["tags"] == {"a": "1", "b": "2", "c": "2"}


def test_columns_of_a_csv_row_are_text_and_blanks_are_absent(decoder: Decoder) -> None:
    row = decoder.row(
        {
            "event_id": "e1", "timestamp": "2026-11-20 15:00:00+00:00", "model": "gpt-4o", "tokens_input": "100",
            "tokens_output": "20.0", "cache_hit": "False", "success": "1", "cost_usd": "", "latency_ms": " ",
            "user_id": "",
        }
    )  # fmt: skip
    assert some(row, "outcome", "tokens_input", "tokens_output") == ("accepted", 100, 20)
    assert some(row, "cache_hit", "success", "reported_cost_usd", "latency_ms", "user_id") == (
        False, True, None, None, None,
    )  # fmt: skip


def test_a_configured_format_reads_only_its_own_records(decoder: Decoder) -> None:
    assert decoder.row(flat(), configured_format="flat")["outcome"] == "accepted"
    rejected = decoder.row(flat(), configured_format="litellm_payload")
    assert some(rejected, "outcome", "reject_reason") == ("rejected", "unknown_format")
