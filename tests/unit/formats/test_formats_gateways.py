"""Portkey, Helicone and Azure's diagnostic log: one test for each convention that their files state."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from decoding import Decoder, some
from sampled import sample

PORTKEY, LIMITED, CACHED, FILES = sample("portkey")
ROW, OBJECT, HIT, CANCELLED = sample("helicone")
CHAT, EMBEDDING, THREAD, AUDIT = sample("azure_diagnostic")
SECRET = "zebra-secret-4711"


def test_a_line_of_portkey_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(PORTKEY)
    assert some(row, "format", "outcome", "flags") == ("portkey", "accepted", ["naive_timestamp_assumed_utc"])
    assert row["event_time"] == datetime(2026, 11, 20, 15, 0, 0, 125000, tzinfo=UTC)
    assert some(row, "event_id", "trace_id") == ("b7c1e2f0-1111-4000-8000-000000000001", "tr-1")
    assert some(row, "provider", "model", "operation") == ("openai", "gpt-4o-mini-2024-07-18", "chat")
    assert some(row, "tokens_input", "tokens_output", "tokens_total", "latency_ms") == (1500, 200, 1700, 1310.0)
    assert some(row, "user_id", "environment", "feature", "api_key_id", "config_id") == (
        "u-7", "prod", "search", "openai-prod", "pc-7",
    )  # fmt: skip


def test_a_cost_of_portkey_is_in_cents(decoder: Decoder) -> None:
    amounts = [0.0345, "0.0345", 1e-05, "12", "0.000000000049", "-1", "much"]
    rows = decoder.rows(*(PORTKEY | {"cost": amount} for amount in amounts))
    assert [row["reported_cost_usd"] for row in rows] == [
        Decimal("0.000345"), Decimal("0.000345"), Decimal("0.0000001"), Decimal("0.12"), Decimal("0"), None, None,
    ]  # fmt: skip
    assert "negative_cost" in rows[5]["flags"]
    assert rows[6]["reject_reason"] == "bad_type"


def test_booleans_of_portkey_are_words_or_numbers(decoder: Decoder) -> None:
    rows = decoder.rows(PORTKEY, LIMITED, CACHED)
    assert [some(row, "success", "streaming", "cache_hit") for row in rows] == [
        (True, True, False), (False, False, False), (True, False, True),
    ]  # fmt: skip
    assert some(rows[1], "error_type", "provider") == ("rate_limit", "azure")


def test_metadata_of_portkey_is_an_object_or_two_lists(decoder: Decoder) -> None:
    lists = {"metadata.key": ["tenant", "tenant", "prompt", "n"], "metadata.value": ["a", "b", SECRET, None]}
    uneven = {"metadata.key": ["tenant", "x"], "metadata.value": ["a"]}
    rows = decoder.rows(LIMITED, CACHED, CACHED | lists, CACHED | uneven, LIMITED | {"metadata": "{"})
    assert [row["tenant_id"] for row in rows] == ["globex", "globex", "a", None, None]
    assert rows[2]["tags"] == {"tenant": "a"}
    assert {row["outcome"] for row in rows} == {"accepted"}


def test_what_portkey_did_follows_from_the_url(decoder: Decoder) -> None:
    kinds = {
        "https://api.openai.com/v1/responses": ("accepted", "chat"),
        "https://api.openai.com/v1/completions": ("accepted", "text_completion"),
        "https://api.openai.com/v1/embeddings": ("accepted", "embedding"),
        "https://x.example/v1beta/models/gemini-2.5-flash:streamGenerateContent": ("accepted", "chat"),
        "https://api.openai.com/v1/audio/speech": ("accepted", "audio"),
        "https://api.openai.com/v1/models": ("not_a_call", None),
    }
    nothing = {"req_units": 0, "res_units": 0, "total_units": 0}
    rows = decoder.rows(*(PORTKEY | nothing | {"request_url": url} for url in kinds), FILES)
    assert [some(row, "outcome", "operation") for row in rows] == [*kinds.values(), ("not_a_call", None)]


def test_a_row_of_helicone_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(ROW)
    assert some(row, "format", "outcome", "flags") == ("helicone", "accepted", ["naive_timestamp_assumed_utc"])
    assert row["event_time"] == datetime(2026, 11, 20, 15, 0, 0, 125000, tzinfo=UTC)
    assert some(row, "event_id", "latency_ms", "time_to_first_token_ms") == (
        "6d1f0a52-0000-4000-8000-000000000001", 1250.0, 310.0,
    )  # fmt: skip
    assert some(row, "provider", "model", "requested_model", "operation") == (
        "anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "chat",
    )  # fmt: skip
    assert some(row, "tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output") == (
        3600, 1000, 2500, 200,
    )  # fmt: skip
    assert some(row, "tenant_id", "session_id", "feature", "user_id") == ("globex", "s-1", "search", "u-7")


def test_a_cost_of_helicone_is_in_billionths_unless_it_has_a_fraction(decoder: Decoder) -> None:
    amounts = [17475000, "17475000", 17475000.0, 0.0012, 1, 10**20, "many"]
    rows = decoder.rows(*(ROW | {"cost": amount} for amount in amounts), ROW | {"costUSD": "0.5"})
    assert [row["reported_cost_usd"] for row in rows] == [
        Decimal("0.017475"), Decimal("0.017475"), Decimal("0.017475"), Decimal("0.0012"), Decimal("0.000000001"),
        Decimal(10**11), None, Decimal("0.5"),
    ]  # fmt: skip
    assert rows[6]["reject_reason"] == "bad_type"


def test_cache_and_reasoning_that_helicone_counts_apart_are_added(decoder: Decoder) -> None:
    counts = {"prompt_tokens": 70, "completion_tokens": 20, "prompt_cache_read_tokens": 0}
    rows = decoder.rows(
        ROW | counts | {"prompt_cache_write_tokens": 70},
        ROW | counts | {"prompt_cache_write_tokens": 71},
        ROW | counts | {"prompt_cache_write_tokens": 0, "reasoning_tokens": 15},
        ROW | counts | {"prompt_cache_write_tokens": 0, "reasoning_tokens": 15, "total_tokens": 105},
        ROW | counts | {"prompt_cache_write_tokens": 0, "reasoning_tokens": 15, "total_tokens": 90},
    )
    assert [some(row, "tokens_input", "tokens_output", "tokens_reasoning") for row in rows] == [
        (70, 20, None), (141, 20, None), (70, 35, 15), (70, 35, 15), (70, 20, 15),
    ]  # fmt: skip


def test_a_cost_of_helicones_api_is_in_dollars(decoder: Decoder) -> None:
    rows = decoder.rows(OBJECT | {"cost": 2}, OBJECT | {"cost": 0.00045})
    assert [row["reported_cost_usd"] for row in rows] == [Decimal(2), Decimal("0.00045")]


def test_helicone_s_api_names_some_fields_otherwise(decoder: Decoder) -> None:
    row = decoder.row(OBJECT)
    assert some(row, "user_id", "environment", "model", "status_code", "error_type", "latency_ms") == (
        "u-8", "prod", "gpt-4o-mini", 429, "rate_limit", 400.0,
    )  # fmt: skip
    assert some(row, "tokens_input", "flags") == (None, [])


def test_a_reference_of_helicone_is_a_hit_unless_it_is_all_zeros(decoder: Decoder) -> None:
    rows = decoder.rows(ROW, HIT, HIT | {"cache_reference_id": HIT["request_id"]}, OBJECT)
    assert [row["cache_hit"] for row in rows] == [False, True, False, None]
    assert some(rows[1], "environment", "reported_cost_usd", "flags") == (
        "test", Decimal(0), ["naive_timestamp_assumed_utc"],
    )  # fmt: skip


def test_helicone_has_statuses_of_its_own(decoder: Decoder) -> None:
    rows = decoder.rows(*(CANCELLED | {"status": status} for status in (-3, -4, -2, "-1", "500", "up")))
    assert [some(row, "status", "status_code", "error_type") for row in rows] == [
        ("cancelled", None, "cancelled"), ("error", None, "content_filter"), (None, None, None),
        ("error", None, "other"), ("error", 500, "provider_outage"), (None, None, None),
    ]  # fmt: skip
    assert rows[5]["reject_reason"] == "bad_type"


def test_a_call_in_azures_log_is_one_of_unknown_usage(decoder: Decoder) -> None:
    row = decoder.row(CHAT)
    assert some(row, "format", "outcome", "flags") == ("azure_diagnostic", "accepted", ["usage_missing"])
    assert row["event_id"] == "d427a391-0000-4000-8000-000000000001|2026-11-20T15:00:02.4350000Z"
    assert some(row, "provider", "model", "requested_model", "operation", "streaming") == (
        "azure", "gpt-4o-mini-2024-07-18", "chat-prod", "chat", True,
    )  # fmt: skip
    assert some(row, "tokens_input", "tokens_output", "status_code", "success", "latency_ms") == (
        None, None, 200, True, 1021.0,
    )  # fmt: skip
    assert some(row, "user_id", "tenant_id") == ("11aa", None)
    assert row["tags"] == {"azure_location": "eastus", "azure_resource": "acme-openai"}


def test_times_of_azure_are_ticks_or_iso(decoder: Decoder) -> None:
    properties = json.loads(CHAT["properties"])
    iso = CHAT | {"properties": properties | {"requestTime": "2026-11-20T15:00:01.415Z"}}
    ticks = CHAT | {"properties": {}, "time": 639307836014150009}
    rows = decoder.rows(CHAT, iso, ticks, EMBEDDING)
    start = datetime(2026, 11, 20, 15, 0, 1, 415000, tzinfo=UTC)
    assert [row["event_time"] for row in rows] == [
        start, start, start, datetime(2026, 11, 20, 15, 1, 0, 100000, tzinfo=UTC),
    ]  # fmt: skip


def test_a_version_belongs_to_azures_model_only_if_it_looks_like_one(decoder: Decoder) -> None:
    named = {
        ("gpt-35-turbo", "0301"): "gpt-35-turbo-0301",
        ("gpt-4", "turbo-2024-04-09"): "gpt-4-turbo-2024-04-09",
        ("gpt-4", "1106-Preview"): "gpt-4-1106-preview",
        ("dall-e-3", "3.0"): "dall-e-3",
        ("text-embedding-3-small", "1"): "text-embedding-3-small",
        ("gpt-4o-2024-08-06", "2024-08-06"): "gpt-4o-2024-08-06",
        ("gpt-4o", None): "gpt-4o",
    }
    rows = decoder.rows(*(CHAT | {"properties": {"modelName": m, "modelVersion": v}} for m, v in named))
    assert [row["model"] for row in rows] == list(named.values())


def test_only_calls_of_a_model_count_in_azures_log(decoder: Decoder) -> None:
    names = {
        "Completions_Create": "text_completion", "ImageGenerations_Create": "image", "Transcriptions_Create": "audio",
        "Responses_Create": "chat", "Create_Response": "chat", "Responses_Get": None, "Create_Run": None,
        "List_Models": None, "ChatCompletions_List": None, "Files_Upload": None,
    }  # fmt: skip
    rows = decoder.rows(*(CHAT | {"operationName": name} for name in names))
    assert [row["operation"] for row in rows] == list(names.values())
    assert [row["outcome"] == "accepted" for row in rows] == [kind is not None for kind in names.values()]
    assert [row["outcome"] for row in decoder.rows(THREAD, AUDIT, CHAT | {"category": "Audit"})] == ["not_a_call"] * 3


def test_no_content_reaches_a_column(decoder: Decoder) -> None:
    assert SECRET in str([PORTKEY, ROW, OBJECT])
    assert SECRET not in str(decoder.rows(PORTKEY, ROW, OBJECT, PORTKEY | {"req_units": -1}))
