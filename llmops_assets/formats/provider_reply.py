"""Raw replies of providers, wrapped by whoever called them: `{provider, request_time, tenant, …, response}`.

Conventions. `response` is the reply as it came, whole or as a recorded stream: a list of chunks or the text
of the stream. Its shape decides what its numbers include (`replies/`): input of Anthropic and Bedrock is
without cache and gets it added, output of Gemini without thoughts; all others include both. `provider` is
who served; where it is missing or the name of a gateway, the shape tells it, else the model's name. The time
is `request_time`, `latency_ms` and `time_to_first_token_ms` are milliseconds; without the latter the first
chunk that bears a piece of the answer has it, if chunks have times. The event's id is `event_id`, else the
reply's own. `usage.cost` of OpenRouter and the ticks of xAI are what they billed; other costs are estimates.
A stream whose usage was not asked for has none: it is missing, not 0. Of the reply's contents nothing is read.
"""

from llmops_assets.formats.format import Format, first_of, texts
from llmops_assets.formats.replies import reply_columns, reply_steps
from llmops_assets.formats.replies.compose import repeated_keys

# Names under which somebody between wrote a record; they served nothing.
GATEWAYS = (
    "^(litellm|portkey|helicone|cloudflare|vercel|kong|bifrost|pydantic_ai|llm|ai|api|gateway|proxy|"
    "openai_compatible|openai_like|unknown|other|custom|none|null|undefined)(_(ai|api|proxy|gateway|router))*$"
)
NAMES = {
    "request_id": ("request_id", "requestId"),
    "trace_id": ("trace_id", "traceId"),
    "attempt": ("attempt",),
    "tenant_id": ("tenant", "tenant_id"),
    "user_id": ("user", "user_id"),
    "end_user_id": ("end_user", "end_user_id"),
    "session_id": ("session_id",),
    "api_key_id": ("api_key_id",),
    "config_id": ("config", "config_id"),
    "variant_id": ("variant", "variant_id"),
    "cache_hit": ("cache_hit",),
    "started_at": ("request_time",),
}
OTHER_NAMES = (
    "event_id",
    "provider",
    "model",
    "model_id",
    "modelId",
    "operation",
    "feature",
    "environment",
    "streaming",
    "stream",
    "service_tier",
    "temperature",
    "latency_ms",
    "time_to_first_token_ms",
    "ttft_ms",
    "first_token_time",
    "response_time",
    "end_time",
    "http_status",
    "status_code",
    "status",
    "error_code",
    "error_message",
    "error",
    "tags",
    "metadata",
    "response",
)
ERROR = '{"code": "VARCHAR", "type": "VARCHAR", "message": "VARCHAR"}'
REQUEST = texts("model", "modelId", "stream", "temperature", "service_tier")

_USAGE = "provider_reply_folded.usage"
_COST = (
    f"case when starts_with({_USAGE}.cost, '{{') and json_valid({_USAGE}.cost) "
    f"then json_extract_string({_USAGE}.cost, '$.total_cost') else {_USAGE}.cost end"
)
_TICKS = f"{_USAGE}.cost_in_usd_ticks"
_ASKED = (
    f"coalesce({first_of('provider_reply', 'model', 'model_id', 'modelId')}, "
    "provider_reply.request.model, provider_reply.request.modelId)"
)
_STATED_PROVIDER = (
    "case when not regexp_matches(llm_provider_key(trim(provider_reply.provider)), "
    f"'{GATEWAYS}') then provider_reply.provider end"
)
_REPLY = reply_columns("provider_reply")
_LAST_MARK = "provider_reply_marks[-1]"

FORMAT = Format(
    name="provider_reply",
    rank=30,
    # Its own name for the time, which is what a broken record may lack.
    detect="(list_contains(keys, 'request_time') and (list_contains(keys, 'response') "
    "or list_contains(keys, 'http_status'))) or (list_contains(keys, 'response') "
    "and list_contains(keys, 'provider') and list_contains(keys, 'http_status'))",
    struct={
        **texts(*dict.fromkeys(name for names in NAMES.values() for name in names), *OTHER_NAMES),
        "request": REQUEST,
    },
    steps=(
        {
            "told_error": "case when starts_with(provider_reply.error, '{') and json_valid(provider_reply.error) "
            f"then from_json(provider_reply.error, '{ERROR}') end",
            "tag_map": "case when provider_reply.tags is not null then llm_map(provider_reply.tags) end",
            "metadata_map": "case when provider_reply.metadata is not null then llm_map(provider_reply.metadata) end",
        },
        {
            "clean_tags": "case when provider_reply_tag_map is not null "
            "then llm_object_tags(provider_reply.tags, provider_reply_tag_map) end",
            "clean_metadata": "case when provider_reply_metadata_map is not null "
            "then llm_object_tags(provider_reply.metadata, provider_reply_metadata_map) end",
        },
        {"tags": "llm_merged_tags(provider_reply_clean_tags, provider_reply_clean_metadata)"},
        *reply_steps("provider_reply", "provider_reply.response"),
        {
            "provider": f"coalesce({_STATED_PROVIDER}, provider_reply_shape_provider)",
            "failure": "case when llm_status(lower(coalesce(provider_reply_folded.status, provider_reply.status))) "
            "= 'cancelled' then 'cancelled' when provider_reply_is_error then 'error' "
            "when coalesce(provider_reply.error, provider_reply.error_code, provider_reply.error_message) is not null "
            "then 'error' end",
        },
        {"known_provider": "llm_provider(trim(provider_reply_provider))"},
    ),
    columns={
        **_REPLY,
        **{field: first_of("provider_reply", *names) for field, names in NAMES.items()},
        "event_id": f"coalesce(provider_reply.event_id, {_REPLY['event_id']})",
        "event_is_request": "request_id_is_unique",
        "feature": "coalesce(provider_reply.feature, case when provider_reply_tags is not null "
        "then provider_reply_tags['feature'] end)",
        "environment": "coalesce(provider_reply.environment, case when provider_reply_tags is not null "
        "then provider_reply_tags['environment'] end)",
        "tags": "provider_reply_tags",
        "has_repeated_tag": f"coalesce({repeated_keys('$.response')}, false) "
        "or (starts_with(provider_reply.tags, '{') and provider_reply_tag_map is null "
        "and json_valid(provider_reply.tags)) or (starts_with(provider_reply.metadata, '{') "
        "and provider_reply_metadata_map is null and json_valid(provider_reply.metadata))",
        "provider": "provider_reply_provider",
        # What was asked of Azure is a deployment.
        "model": f"coalesce({_REPLY['model']}, "
        f"case when provider_reply_known_provider is distinct from 'azure' then {_ASKED} end)",
        "requested_model": _ASKED,
        "operation": f"coalesce(provider_reply.operation, {_REPLY['operation']})",
        "streaming": "coalesce(provider_reply.streaming, provider_reply.stream, provider_reply.request.stream, "
        "case when provider_reply_is_stream then 'true' end)",
        "temperature": "coalesce(provider_reply.temperature, provider_reply.request.temperature)",
        # A batch's replies need not say that they are of one.
        "service_tier": "case when starts_with(lower(provider_reply.service_tier), 'batch') then 'batch' else "
        f"coalesce({_REPLY['service_tier']}, provider_reply.service_tier, provider_reply.request.service_tier) end",
        "latency_ms": f"coalesce(provider_reply.latency_ms, {_REPLY['latency_ms']}, "
        f"{_LAST_MARK}.elapsed_ms, {_LAST_MARK}.offset_ms)",
        "ended_at": "coalesce(provider_reply.response_time, provider_reply.end_time, "
        f"{_LAST_MARK}.received_at, {_LAST_MARK}.timestamp, {_LAST_MARK}.time)",
        "time_to_first_token_ms": "coalesce(provider_reply.time_to_first_token_ms, provider_reply.ttft_ms, "
        "provider_reply_first_delta.elapsed_ms, provider_reply_first_delta.offset_ms)",
        "first_token_at": "coalesce(provider_reply.first_token_time, provider_reply_first_delta.received_at, "
        "provider_reply_first_delta.timestamp, provider_reply_first_delta.time)",
        "status": "coalesce(provider_reply_failure, provider_reply.status, "
        "case when provider_reply.http_status is null and provider_reply_shape is not null then 'success' end)",
        "status_code": f"coalesce(provider_reply.http_status, provider_reply.status_code, {_REPLY['status_code']})",
        "error_code": f"coalesce(provider_reply.error_code, {_REPLY['error_code']}, provider_reply_told_error.code, "
        "provider_reply_told_error.type)",
        "error_message": f"coalesce(provider_reply.error_message, {_REPLY['error_message']}, "
        "provider_reply_told_error.message, "
        "case when provider_reply_told_error is null then provider_reply.error end)",
        "cost": f"coalesce(case when {_TICKS} is not null then llm_tick_money({_TICKS}) end, {_COST}, "
        f"{_USAGE}.pydantic_ai_gateway.cost_estimate, "
        "provider_reply_folded.usageMetadata.pydantic_ai_gateway.cost_estimate)",
        "cost_kind": f"case when {_TICKS} is not null then 'billed' when {_USAGE}.cost is null then 'estimated' "
        "when provider_reply_known_provider = 'openrouter' or provider_reply_known_provider = 'perplexity' "
        "then 'billed' else 'estimated' end",
    },
)
