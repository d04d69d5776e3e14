"""LiteLLM's standard logging payload, as its object-store and file loggers write it, single or in batches.

Conventions. Input includes cache reads and writes for every provider, output includes reasoning. The true
counts are in `metadata.usage_object`; zeros at the top beside an empty one mean that nothing is known.
`response_cost` is US dollars and an estimate, and 0.0 for a success with tokens and no cache hit means that
LiteLLM knew no price. Times are float seconds of the epoch; `response_time` of a stream is the time to its
first token, so that durations come from start, end and `completionStartTime`. `id` and `litellm_call_id`
repeat each by itself (replayed replies, fallbacks): together they are the event's id. There is no request
id: equal trace ids may be one session, which is where `session_id` is when it is "". The tenant is the
team, else the organisation. `model` is the deployment: what served is `response.model`, unless the proxy
wrote its own alias there, and for Azure else the base model of LiteLLM's price map. Of messages, answers
and tools nothing is read; of `response.choices` only the finish reason.
"""

from llmops_assets.formats.format import Format, texts

USAGE = {
    **texts(
        "prompt_tokens",
        "completion_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "prompt_cache_hit_tokens",
        "service_tier",
    ),
    "prompt_tokens_details": {
        **texts(
            "cached_tokens",
            "cache_write_tokens",
            "cache_creation_tokens",
            "audio_tokens",
            "image_tokens",
            "web_search_requests",
        ),
        "cache_creation_token_details": texts("ephemeral_1h_input_tokens"),
    },
    "completion_tokens_details": texts("reasoning_tokens", "audio_tokens"),
    "server_tool_use": texts("web_search_requests"),
}
STRUCT = {
    **texts(
        "id",
        "litellm_call_id",
        "trace_id",
        "session_id",
        "call_type",
        "cache_hit",
        "stream",
        "status",
        "custom_llm_provider",
        "model",
        "model_group",
        "end_user",
        "startTime",
        "endTime",
        "completionStartTime",
        "response_time",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "response_cost",
        "saved_cache_cost",
        "error_str",
    ),
    "request_tags": ["VARCHAR"],
    "metadata": {
        **texts(
            "user_api_key_hash",
            "user_api_key_team_id",
            "user_api_key_org_id",
            "user_api_key_user_id",
            "user_api_key_end_user_id",
            "requester_metadata",
            "spend_logs_metadata",
        ),
        "usage_object": USAGE,
    },
    "response": {
        **texts("model", "provider", "service_tier", "status", "stop_reason"),
        "usage": USAGE,
        "choices": [texts("finish_reason")],
        "incomplete_details": texts("reason"),
    },
    "model_parameters": texts("temperature", "stream", "user", "service_tier"),
    "model_map_information": {"model_map_key": "VARCHAR", "model_map_value": texts("key")},
    "error_information": texts("error_code", "error_class", "error_message", "normalized_error", "llm_provider"),
}
# Objects that are read, where a repeated key would silently lose to the first.
OBJECTS = (
    "metadata",
    "metadata.usage_object",
    "metadata.usage_object.prompt_tokens_details",
    "metadata.usage_object.completion_tokens_details",
    "metadata.requester_metadata",
    "metadata.spend_logs_metadata",
    "error_information",
    "response",
)
# Endpoints that generate nothing; `run_thread` does.
NO_CALLS = (
    "assistant|(create|get)_thread$|(add|get|send)_messages?$|file|_batch|fine_tuning|container|sandbox|"
    "vector_store|skill|mcp|input_items|video_(retrieve|content|list|delete|get)|_secret$|_session$"
)


def _known(name: str) -> str:
    """SQL of a field in which "" means nothing."""
    return f"nullif(trim(litellm_payload.{name}), '')"


def _count(name: str) -> str:
    """A count at the top: only if it is odd, or if the usage object lacks it and not all counts are 0."""
    top = f'litellm_payload."{name}"'
    stated = f"litellm_payload_usage.{name}"
    return (
        f"case when {top} is not null and not coalesce(try_cast({top} as double) >= 0, false) then {top} "
        f"when {stated} is not null or litellm_payload_is_used is not true then {stated} else {top} end"
    )


_DETAILS = "litellm_payload_usage.prompt_tokens_details"
_IS_AZURE = "coalesce(litellm_payload_provider = 'azure', false)"
_SERVED = (
    "case "
    # A deployment's name comes back as the model where the reply had none: true only if it has a price.
    f"when {_IS_AZURE} then coalesce("
    "case when litellm_payload_reply <> litellm_payload_deployment or litellm_payload_base is not null "
    "or litellm_payload.model_map_information is null then litellm_payload_reply end, litellm_payload_base) "
    # A name that no provider answered to, such as that of a model which the proxy does not have.
    "when litellm_payload_provider is null and lower(litellm_payload.status) = 'failure' then null "
    "else coalesce(litellm_payload_reply, litellm_payload.model) end"
)

FORMAT = Format(
    name="litellm_payload",
    rank=20,
    # Its own two names for what every record has; either call id or times can be what a broken record lacks.
    detect="(list_contains(keys, 'litellm_call_id') and (list_contains(keys, 'startTime') "
    "or list_contains(keys, 'response_cost') or list_contains(keys, 'call_type'))) "
    "or (list_contains(keys, 'response_cost') and list_contains(keys, 'call_type'))",
    struct=STRUCT,
    steps=(
        {
            "provider": f"coalesce({_known('custom_llm_provider')}, {_known('error_information.llm_provider')})",
            "streaming": "coalesce(litellm_payload.stream, litellm_payload.model_parameters.stream)",
            "usage": "case when coalesce(litellm_payload.metadata.usage_object.prompt_tokens, "
            "litellm_payload.metadata.usage_object.completion_tokens) is null "
            "then litellm_payload.response.usage else litellm_payload.metadata.usage_object end",
            "is_used": "try_cast(litellm_payload.prompt_tokens as double) <> 0 "
            "or try_cast(litellm_payload.completion_tokens as double) <> 0",
            "request_map": "llm_map(litellm_payload.metadata.requester_metadata)",
            "spend_map": "llm_map(litellm_payload.metadata.spend_logs_metadata)",
            "request_tags": "llm_list_tags(litellm_payload.request_tags)",
            "error_code": _known("error_information.error_code"),
            "base": "case when litellm_payload.model_map_information.model_map_value.key is not null "
            f"then {_known('model_map_information.model_map_key')} end",
        },
        {
            # LiteLLM's own prefix, `azure/` before a deployment, is no part of the name.
            "deployment": "case when starts_with(litellm_payload.model, litellm_payload_provider || '/') "
            "then substr(litellm_payload.model, length(litellm_payload_provider) + 2) else litellm_payload.model end",
            "clean_request": "llm_object_tags(litellm_payload.metadata.requester_metadata, "
            "litellm_payload_request_map)",
            "clean_spend": "llm_object_tags(litellm_payload.metadata.spend_logs_metadata, litellm_payload_spend_map)",
        },
        {
            # The proxy answers with the name that the caller used.
            "reply": "case when litellm_payload.response.model is distinct from litellm_payload.model_group "
            f"or litellm_payload.response.model = litellm_payload_deployment then {_known('response.model')} end",
            "given_tags": "llm_merged_tags(litellm_payload_clean_spend, litellm_payload_clean_request)",
        },
        {"tags": "llm_merged_tags(litellm_payload_given_tags, litellm_payload_request_tags)"},
    ),
    columns={
        "event_id": f"nullif(concat_ws('|', llm_scalar({_known('id')}), llm_scalar({_known('litellm_call_id')})), '')",
        "trace_id": "litellm_payload.trace_id",
        "session_id": f"coalesce({_known('session_id')}, litellm_payload.trace_id)",
        "tenant_id": f"coalesce({_known('metadata.user_api_key_team_id')}, "
        "litellm_payload.metadata.user_api_key_org_id)",
        "user_id": "litellm_payload.metadata.user_api_key_user_id",
        "end_user_id": f"coalesce({_known('end_user')}, {_known('metadata.user_api_key_end_user_id')}, "
        "litellm_payload.model_parameters.user)",
        "api_key_id": "litellm_payload.metadata.user_api_key_hash",
        "feature": "litellm_payload_tags['feature']",
        "environment": "coalesce(litellm_payload_tags['environment'], litellm_payload_tags['env'])",
        "tags": "litellm_payload_tags",
        "has_repeated_tag": "llm_has_repeated_keys(text, [" + ", ".join(f"'$.{name}'" for name in OBJECTS) + "])",
        "provider": "litellm_payload_provider",
        "upstream_provider": "litellm_payload.response.provider",
        "model": _SERVED,
        "requested_model": f"coalesce(case when not {_IS_AZURE} then {_known('model_group')} end, "
        "litellm_payload_deployment)",
        "operation": "litellm_payload.call_type",
        "is_call": "not coalesce(llm_operation(lower(litellm_payload.call_type)) is null "
        f"and regexp_matches(litellm_payload.call_type, '{NO_CALLS}') and litellm_payload_is_used is not true, false)",
        "streaming": "litellm_payload_streaming",
        "cache_hit": "litellm_payload.cache_hit",
        "service_tier": f"coalesce({_known('response.service_tier')}, litellm_payload_usage.service_tier, "
        "litellm_payload.model_parameters.service_tier)",
        "tokens_input": _count("prompt_tokens"),
        "tokens_cache_read": f"coalesce({_DETAILS}.cached_tokens, litellm_payload_usage.cache_read_input_tokens, "
        "litellm_payload_usage.prompt_cache_hit_tokens)",
        "tokens_cache_write": "coalesce(litellm_payload_usage.cache_creation_input_tokens, "
        f"{_DETAILS}.cache_write_tokens, {_DETAILS}.cache_creation_tokens)",
        "tokens_cache_write_1h": f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens",
        "tokens_audio_input": f"{_DETAILS}.audio_tokens",
        "tokens_image_input": f"{_DETAILS}.image_tokens",
        "tokens_output": _count("completion_tokens"),
        "tokens_reasoning": "litellm_payload_usage.completion_tokens_details.reasoning_tokens",
        "tokens_audio_output": "litellm_payload_usage.completion_tokens_details.audio_tokens",
        "tokens_total": "litellm_payload.total_tokens",
        "web_search_requests": "coalesce(litellm_payload_usage.server_tool_use.web_search_requests, "
        f"{_DETAILS}.web_search_requests)",
        "started_at": 'litellm_payload."startTime"',
        "ended_at": 'litellm_payload."endTime"',
        "first_token_at": "case when lower(litellm_payload_streaming) = 'true' "
        'then litellm_payload."completionStartTime" end',
        "temperature": "litellm_payload.model_parameters.temperature",
        "status": "litellm_payload.status",
        "error_code": "coalesce(litellm_payload_error_code, "
        f"case when lower(litellm_payload.status) = 'failure' then {_known('error_information.error_class')} end)",
        # "content_filter" is a code too; its HTTP status is then in "400_CONTENT_POLICY_VIOLATION".
        "status_code": "case when llm_http_status(litellm_payload_error_code) is null "
        "and litellm_payload_error_code is not null then "
        "nullif(regexp_extract(litellm_payload.error_information.normalized_error, '^([45]\\d\\d)_', 1), '') end",
        "error_message": f"coalesce({_known('error_str')}, litellm_payload.error_information.error_message)",
        "error_detail": "nullif(concat_ws(' ', litellm_payload.error_information.error_class, "
        "litellm_payload.error_information.normalized_error), '')",
        "finish_reason": "coalesce(litellm_payload.response.choices[1].finish_reason, "
        "litellm_payload.response.stop_reason, litellm_payload.response.incomplete_details.reason, "
        "litellm_payload.response.status)",
        "cost": "litellm_payload.response_cost",
        "saved_cost": "litellm_payload.saved_cache_cost",
        "zero_cost_is_missing": "true",
    },
)
