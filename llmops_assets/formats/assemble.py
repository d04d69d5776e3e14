"""The columns of the raw table, each from the decoder's last stage.

A rejected record, one that is no call, and a provider's report keep their position and no event column: what is
in them must not be counted anywhere by accident.
"""

import re
from collections.abc import Collection

from llmops_assets.formats.format import FIELDS

POSITION = {
    "source": ("varchar", "source"),
    "arrival_hour": ("timestamptz", "arrival_hour"),
    "uri": ("varchar", "uri"),
    "version": ("varchar", "version"),
    "line": ("bigint", "line"),
    "record_index": ("bigint", "record_index"),
    "arrived_at": ("timestamptz", "arrived_at"),
    "format": ("varchar", "format"),
    "outcome": (
        "varchar",
        "case when reason is not null then 'rejected' when report is not null then 'report' "
        "when not is_call then 'not_a_call' else 'accepted' end",
    ),
    "reject_reason": ("varchar", "reason"),
}
KAFKA_POSITION = {
    "topic": ("varchar", "topic"),
    "partition": ("integer", "partition"),
    "record_offset": ("bigint", "case when topic is not null then line end"),
    "record_key": ("varchar", "record_key"),
    "record_headers": ("map(varchar, varchar)", "record_headers"),
}
# An offset is for ever, whatever range it was read in: only the life of the topic and its id are taken from these.
PLACE = (
    "concat_ws('|', case when topic is null then uri else split_part(uri, '@', 1) end, "
    "case when topic is null then version else split_part(version, ':', 1) end)"
)
DERIVED_ID = f"'pos-' || sha256(concat_ws('|', source, {PLACE}, line, coalesce(record_index::varchar, '')))"
STATED_ID = "coalesce(event_id, case when event_is_request then request_id end)"
# In alphabetical order, which is the order of the list.
FLAGS = {
    "cached_tokens_unreported": "is_cache_unreported",
    "derived_event_id": f"{STATED_ID} is null",
    "hidden_reasoning_from_total": "has_hidden_reasoning",
    "inferred_provider": "coalesce(own_provider, prefix_provider) is null and known_provider is not null",
    "naive_timestamp_assumed_utc": "llm_is_naive_time(started_at_text, started_at_d)",
    "negative_cost": "claimed_cost < 0",
    "negative_latency": "latency < 0 or first_token < 0",
    "non_usd_cost": "is_foreign and claimed_cost is not null",
    "reported_cost_zero_is_missing": "is_zero_cost_missing",
    "usage_missing": "is_usage_missing",
    "zero_output": "is_zero_output",
}
FLAG_LIST = (
    "coalesce(string_split(nullif(concat_ws(',', "
    + ", ".join(f"case when {test} then '{name}' end" for name, test in FLAGS.items())
    + "), ''), ','), [])"
)
NO_FLAGS = "cast([] as varchar[])"
EVENT = {
    "event_id": ("varchar", f"coalesce({STATED_ID}, {DERIVED_ID})"),
    "request_id": ("varchar", "request_id"),
    "trace_id": ("varchar", "trace_id"),
    "attempt": ("integer", "try_cast(attempt as integer)"),
    "event_time": ("timestamptz", "started_at"),
    "tenant_id": ("varchar", "attributed_tenant"),
    "user_id": ("varchar", "user_id"),
    "end_user_id": ("varchar", "end_user_id"),
    "session_id": ("varchar", "session_id"),
    "api_key_id": ("varchar", "api_key_id"),
    "feature": ("varchar", "feature"),
    "environment": ("varchar", "environment"),
    "config_id": ("varchar", "config_id"),
    "variant_id": ("varchar", "variant_id"),
    "tags": ("map(varchar, varchar)", "coalesce(tags, map())"),
    "provider": ("varchar", "known_provider"),
    "upstream_provider": ("varchar", "llm_provider(upstream_provider)"),
    "model": ("varchar", "llm_without_scope(bare_model, scope)"),
    "requested_model": (
        "varchar",
        "coalesce(requested_model, case when llm_without_scope(bare_model, scope) is distinct from model "
        "then model end)",
    ),
    "region_scope": ("varchar", "scope"),
    "operation": ("varchar", "known_operation"),
    "streaming": ("boolean", "streaming"),
    "cache_hit": ("boolean", "cache_hit"),
    "service_tier": ("varchar", "llm_service_tier(lower(service_tier))"),
    "tokens_input": ("bigint", "known_tokens_input"),
    "tokens_cache_read": ("bigint", "known_tokens_cache_read"),
    "tokens_cache_write": ("bigint", "known_tokens_cache_write"),
    "tokens_cache_write_1h": ("bigint", "known_tokens_cache_write_1h"),
    "tokens_output": ("bigint", "known_tokens_output"),
    "tokens_reasoning": ("bigint", "known_tokens_reasoning"),
    "tokens_audio_input": ("bigint", "known_tokens_audio_input"),
    "tokens_audio_output": ("bigint", "known_tokens_audio_output"),
    "tokens_image_input": ("bigint", "known_tokens_image_input"),
    "web_search_requests": ("bigint", "web_search_requests"),
    "tokens_total": ("bigint", "try(known_tokens_input + known_tokens_output)"),
    "latency_ms": ("double", "case when latency >= 0 then latency end"),
    "time_to_first_token_ms": ("double", "case when first_token >= 0 then first_token end"),
    "temperature": ("double", "temperature"),
    "status": ("varchar", "outcome_status"),
    "success": ("boolean", "outcome_status = 'success'"),
    "status_code": ("integer", "try_cast(http_status as integer)"),
    "error_code": ("varchar", "error_code"),
    "error_type": ("varchar", "error_class"),
    "error_message": ("varchar", "left(message, 500)"),
    "finish_reason": ("varchar", "finish"),
    "reported_cost_usd": ("decimal(38, 12)", "reported_cost"),
    "reported_cost_kind": ("varchar", "case when reported_cost is not null then cost_kind end"),
    "saved_cost_usd": ("decimal(38, 12)", "case when cache_hit and saved_cost >= 0 then saved_cost end"),
}


def rows_stage(known: Collection[str], *, keep_bytes: bool) -> str:
    """The final select over the stage `charged`, in which only the fields `known` may have values."""
    columns = [
        *_position(keep_bytes=keep_bytes),
        *(
            f"    {_null(kind)} as {name}"
            if _is_unknown(sql, known)
            else f"    cast(case when is_accepted then {sql} end as {kind}) as {name}"
            for name, (kind, sql) in EVENT.items()
        ),
        f"    case when is_accepted then {FLAG_LIST} else {NO_FLAGS} end as flags",
    ]
    accepted = "(select *, reason is null and is_call and report is null as is_accepted from charged)"
    return "select\n" + ",\n".join(columns) + f"\nfrom {accepted}"


def rejects(*, keep_bytes: bool) -> str:
    """The final select over the stage `unclaimed`, which has only positions and reasons."""
    columns = [
        *_position(keep_bytes=keep_bytes),
        *(f"    {_null(kind)} as {name}" for name, (kind, _) in EVENT.items()),
        f"    {NO_FLAGS} as flags",
    ]
    return "select\n" + ",\n".join(columns) + "\nfrom (select *, cast(null as varchar) as report from unclaimed)"


def _is_unknown(sql: str, known: Collection[str]) -> bool:
    """Whether it is made of fields none of which is known."""
    fields = FIELDS.keys() & re.findall(r"\w+", re.sub("'[^']*'", "", sql))
    return bool(fields) and fields.isdisjoint(known)


def _null(kind: str) -> str:
    return f"cast(null as {kind})"


def _position(*, keep_bytes: bool) -> list[str]:
    positions = [f"    cast({sql} as {kind}) as {name}" for name, (kind, sql) in POSITION.items()]
    kafka = [f"    cast({sql} as {kind}) as {name}" for name, (kind, sql) in KAFKA_POSITION.items()]
    return [*positions, *_payload(keep_bytes=keep_bytes), *kafka]


def _payload(*, keep_bytes: bool) -> list[str]:
    """What a report keeps, its results, and a reject: JSON without contents, else length and hash."""
    unreadable = "text" if keep_bytes else "null"
    is_unreadable = "reason = 'malformed_json' or text is null"
    return [
        "    case when reason is null then report "
        f"when {is_unreadable} then {unreadable} else llm_redacted(text) end as payload",
        "    case when reason is not null then coalesce(bytes, strlen(text)) end as payload_bytes",
        "    case when reason is not null then coalesce(sha256, sha256(text)) end as payload_sha256",
    ]
