"""Flat records: one JSON object per call, in the shapes of the four seeds and in mixtures of them.

Conventions. Input includes cache reads and writes, output includes reasoning. Costs are US dollars and
estimates; `costMicroDollars` and a `cost` object `{input, output, total}` are millionths of a dollar.
Quoted amounts are exact to 12 decimals; a bare JSON number is a double in DuckDB and is rounded to 12
decimals from its shortest text. Latencies are milliseconds, also Tinybird's `latency`, which states no
unit. A time without an offset is UTC. Several names of one field: the first that is not null wins, in
the order below; names are case-sensitive. `metadata` and `tags` are both tags, and `metadata` wins.
`request_id` is the event's id where the source says that it is unique, and in two shapes whose records
have no other: the handbook's (`requestId` with micro-dollars, a tenant slug or a configuration) and
RisingWave's (`request_id` with `logged_at`). An `event_type` that names an operation is the operation,
another one is the tag `event_type`.
"""

from llmops_assets.formats.format import Format, first_of, texts

ID = ("event_id", "id", "call_id")
TIME = ("event_time", "timestamp", "logged_at", "created_at", "ts", "time")
MODEL = ("model", "model_name")
INPUT = ("tokens_input", "input_tokens", "prompt_tokens", "promptTokens")
OUTPUT = ("tokens_output", "output_tokens", "completion_tokens", "completionTokens")
TOTAL = ("tokens_total", "total_tokens", "totalTokens")
CACHE_READ = ("tokens_cache_read", "cached_input_tokens", "cached_tokens", "cachedTokens")
LATENCY = ("latency_ms", "latencyMs", "latency")
COST = ("cost_usd", "cost", "total_cost")
STATUS = ("success", "status", "status_code", "statusCode")

# Each field and its names; those of one name are read under it.
NAMES = {
    "trace_id": ("trace_id", "traceId"),
    "attempt": ("attempt",),
    "end_user_id": ("end_user_id", "endUserId"),
    "api_key_id": ("api_key_id", "apiKeyId"),
    "upstream_provider": ("upstream_provider",),
    "requested_model": ("requested_model",),
    "provider": ("provider",),
    "model": MODEL,
    "service_tier": ("service_tier",),
    "streaming": ("streaming", "stream"),
    "cache_hit": ("cache_hit", "cacheHit"),
    "tokens_input": INPUT,
    "tokens_cache_read": CACHE_READ,
    "tokens_cache_write": ("tokens_cache_write", "cache_write_tokens"),
    "tokens_cache_write_1h": ("tokens_cache_write_1h",),
    "tokens_output": OUTPUT,
    "tokens_total": TOTAL,
    "tokens_reasoning": ("tokens_reasoning", "reasoning_tokens"),
    "tokens_audio_input": ("tokens_audio_input",),
    "tokens_audio_output": ("tokens_audio_output",),
    "tokens_image_input": ("tokens_image_input",),
    "web_search_requests": ("web_search_requests",),
    "latency_ms": LATENCY,
    "time_to_first_token_ms": ("time_to_first_token_ms", "ttft_ms"),
    "temperature": ("temperature",),
    "success": ("success",),
    "status": ("status",),
    "status_code": ("status_code", "statusCode"),
    "error_code": ("error_code", "errorCode"),
    "error_message": ("error_message", "errorMessage"),
    "finish_reason": ("finish_reason", "finishReason"),
    "cost_currency": ("cost_currency", "currency"),
    "event_id": ID,
    "started_at": TIME,
}
OTHER_NAMES = (
    "request_id",
    "requestId",
    "tenant_id",
    "tenant",
    "tenantSlug",
    "user_id",
    "user",
    "userId",
    "session_id",
    "sessionId",
    "feature",
    "environment",
    "config_id",
    "config",
    "configId",
    "variant_id",
    "variant",
    "variantId",
    "operation",
    "event_type",
    "tags",
    "metadata",
    "costMicroDollars",
    *COST,
)


def _tag(*names: str) -> str:
    """SQL of the first of `names` among the tags; only looked up where there are tags."""
    return "coalesce(" + ", ".join(f"flat_tags['{name}']" for name in names) + ", null)"


def _attributed(names: tuple[str, ...], *tags: str) -> str:
    return f"coalesce({first_of('flat', *names)}, case when flat_tags is not null then {_tag(*tags)} end)"


def _has(*names: str) -> str:
    """Whether the record has any of `names`; list_contains costs next to nothing, list_has much."""
    return "(" + " or ".join(f"list_contains(keys, '{name}')" for name in names) + ")"


_COST_TEXT = first_of("flat", *COST)
_EVENT_TYPE = "coalesce(flat.operation, flat.event_type)"

FORMAT = Format(
    name="flat",
    rank=100,
    # A model or tokens, and something else that only the record of a call has.
    detect=f"{_has(*INPUT, *OUTPUT)} and {_has(*ID, *TIME, *MODEL, 'request_id', 'requestId')} "
    f"or {_has(*MODEL)} and {_has(*TIME)} "
    f"or {_has(*MODEL)} and {_has(*LATENCY, *COST, 'costMicroDollars', *STATUS)}",
    struct=texts(*dict.fromkeys(name for names in NAMES.values() for name in names), *OTHER_NAMES),
    steps=(
        {
            # Tested before, because lambdas run over lists of nothing as well.
            "tag_map": "case when flat.tags is not null then llm_map(flat.tags) end",
            "metadata_map": "case when flat.metadata is not null then llm_map(flat.metadata) end",
            "tag_list": "case when starts_with(flat.tags, '[') then try(from_json(flat.tags, '[\"VARCHAR\"]')) end",
            "operation": f"case when llm_operation(lower(trim({_EVENT_TYPE}))) is not null then {_EVENT_TYPE} end",
            "cost_object": f"case when starts_with({_COST_TEXT}, '{{') then try(from_json({_COST_TEXT}, "
            '\'{"input": "VARCHAR", "output": "VARCHAR", "total": "VARCHAR"}\')) end',
            "team": "case when contains(flat.metadata, 'user_api_key_') then "
            'try(from_json(flat.metadata, \'{"user_api_key_team_id": "VARCHAR", "user_api_key_org_id": "VARCHAR", '
            '"user_api_key_user_id": "VARCHAR", "user_api_key_hash": "VARCHAR"}\')) end',
        },
        {
            "clean_tags": "case when flat_tag_map is not null then llm_object_tags(flat.tags, flat_tag_map) "
            "when flat_tag_list is not null then llm_list_tags(flat_tag_list) end",
            "clean_metadata": "case when flat_metadata_map is not null "
            "then llm_object_tags(flat.metadata, flat_metadata_map) end",
            "event_type": "case when flat_operation is null and llm_scalar(flat.event_type) is not null "
            "then map {'event_type': llm_tag_value(flat.event_type)} end",
            "cost_micro": 'coalesce(flat."costMicroDollars", flat_cost_object.total, '
            "cast(try_cast(flat_cost_object.input as decimal(24, 6)) "
            "+ try_cast(flat_cost_object.output as decimal(24, 6)) as varchar))",
        },
        {"given_tags": "llm_merged_tags(flat_clean_tags, flat_clean_metadata)"},
        {"tags": "llm_merged_tags(flat_given_tags, flat_event_type)"},
    ),
    columns={
        **{field: first_of("flat", *names) for field, names in NAMES.items()},
        "request_id": first_of("flat", "request_id", "requestId"),
        "tenant_id": f"coalesce({_attributed(('tenant_id', 'tenant', 'tenantSlug'), 'tenantSlug')}, "
        "flat_team.user_api_key_team_id, flat_team.user_api_key_org_id)",
        "user_id": f"coalesce({_attributed(('user_id', 'user', 'userId'), 'userId')}, flat_team.user_api_key_user_id)",
        "api_key_id": f"coalesce({first_of('flat', *NAMES['api_key_id'])}, flat_team.user_api_key_hash)",
        "session_id": _attributed(("session_id", "sessionId"), "sessionId", "session_id"),
        "feature": _attributed(("feature",), "feature"),
        "environment": _attributed(("environment",), "environment"),
        "config_id": _attributed(("config", "config_id", "configId"), "config", "configId"),
        "variant_id": _attributed(("variant", "variant_id", "variantId"), "variant", "variantId"),
        "tags": "flat_tags",
        "operation": "coalesce(flat_operation, case when flat_tags is not null then flat_tags['event_type'] end)",
        "cost": f"case when flat_cost_object is null then {_COST_TEXT} end",
        "cost_micro": "flat_cost_micro",
        "event_is_request": "request_id_is_unique "
        "or (flat.request_id is not null and flat.logged_at is not null) "
        'or (flat."requestId" is not null and coalesce(flat_cost_micro, flat."tenantSlug", flat."configId", '
        "flat.\"variantId\", case when flat_tags is not null then flat_tags['tenantSlug'] end) is not null)",
        "has_repeated_tag": "(starts_with(flat.tags, '{') and flat_tag_map is null and json_valid(flat.tags)) "
        "or (starts_with(flat.metadata, '{') and flat_metadata_map is null and json_valid(flat.metadata))",
    },
)
