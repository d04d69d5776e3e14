"""LiteLLM's spend log: rows of its table `LiteLLM_SpendLogs`, exported as JSON, CSV or Parquet.

Conventions. A row is one attempt and `request_id` is its id: the provider's, else LiteLLM's own, and with a
suffix for a cache hit. Input includes cache reads and writes for every provider, output includes reasoning;
the parts are in `usage_object` of `metadata`, older versions in `additional_usage_values`. `spend` is US
dollars and an estimate, and 0 for a success with tokens and no cache hit means that LiteLLM knew no price.
Times are text with a space and no offset, in UTC. Booleans are the words None, True and False. `metadata`
and `request_tags` are JSON, mostly inside strings, sometimes quoted twice. `session_id` is the trace, which
may be a whole session. The tenant is the team, else the organisation. For Azure `model` is the deployment
and LiteLLM's price map holds the name of the model. These rows are calls that a payload logger beside them
reports as well, under another id: declare one of the two sources reconciliation_only.
"""

from llmops_assets.formats.format import Format, Structure, parsed, texts, unquoted
from llmops_assets.formats.litellm_payload import NO_CALLS, USAGE

METADATA: Structure = {
    **texts(
        "user_api_key",
        "user_api_key_team_id",
        "user_api_key_org_id",
        "user_api_key_user_id",
        "status",
        "spend_logs_metadata",
    ),
    "usage_object": USAGE,
    "additional_usage_values": USAGE,
    "model_map_information": {"model_map_key": "VARCHAR", "model_map_value": texts("key")},
    "error_information": texts("error_code", "error_class", "error_message", "llm_provider"),
}
# Objects of the metadata in which a repeated key would silently lose to the first.
OBJECTS = ("$", "$.usage_object", "$.additional_usage_values", "$.error_information", "$.spend_logs_metadata")


def _known(name: str) -> str:
    """SQL of a field in which "" means nothing."""
    return f"nullif(trim(litellm_spend.{name}), '')"


def _said(name: str) -> str:
    """The same of a field of the metadata."""
    return f"nullif(trim(litellm_spend_meta.{name}), '')"


def _boolean(name: str) -> str:
    """A boolean as a word, of which None says nothing."""
    return f"case when lower(trim(litellm_spend.{name})) <> 'none' then litellm_spend.{name} end"


def _count(name: str) -> str:
    """A count of the row, unless all are 0 and no usage is stated: then nothing is known."""
    top = f"litellm_spend.{name}"
    return (
        f"case when {top} is not null and not coalesce(try_cast({top} as double) = 0, false) then {top} "
        f"when litellm_spend_is_used then {top} else coalesce(litellm_spend_usage.{name}, "
        "litellm_spend_meta.additional_usage_values." + name + ") end"
    )


def _part(path: str) -> str:
    """A part of a count, where the version of LiteLLM that wrote the row put it."""
    return f"coalesce(litellm_spend_usage.{path}, litellm_spend_meta.additional_usage_values.{path})"


_DETAILS = "prompt_tokens_details"
_IS_AZURE = "coalesce(litellm_spend_provider = 'azure', starts_with(litellm_spend.model, 'azure/'), false)"
_BASE = "case when litellm_spend_meta.model_map_information.model_map_value.key is not null then {key} end"

FORMAT = Format(
    name="litellm_spend",
    rank=25,
    detect="list_contains(keys, 'spend') and list_contains(keys, 'request_id') "
    "and (list_contains(keys, 'call_type') or list_contains(keys, 'startTime'))",
    struct=texts(
        "request_id",
        "call_type",
        "api_key",
        "spend",
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
        "startTime",
        "endTime",
        "completionStartTime",
        "model",
        "model_group",
        "custom_llm_provider",
        "user",
        "metadata",
        "cache_hit",
        "request_tags",
        "team_id",
        "organization_id",
        "end_user",
        "session_id",
        "status",
    ),
    steps=(
        {
            "text": unquoted("litellm_spend.metadata"),
            "tag_text": unquoted("litellm_spend.request_tags"),
            "is_used": "try_cast(litellm_spend.prompt_tokens as double) <> 0 "
            "or try_cast(litellm_spend.completion_tokens as double) <> 0",
        },
        {
            "meta": parsed("litellm_spend_text", METADATA),
            "tag_list": "case when starts_with(litellm_spend_tag_text, '[') "
            "then try(from_json(litellm_spend_tag_text, '[\"VARCHAR\"]')) end",
        },
        {
            "usage": "litellm_spend_meta.usage_object",
            "provider": f"coalesce({_known('custom_llm_provider')}, {_said('error_information.llm_provider')})",
            "clean_list": "case when litellm_spend_tag_list is not null then llm_list_tags(litellm_spend_tag_list) end",
            "own_map": "llm_map(litellm_spend_meta.spend_logs_metadata)",
        },
        {
            "clean_map": "llm_object_tags(litellm_spend_meta.spend_logs_metadata, litellm_spend_own_map)",
            # LiteLLM's own prefix, `azure/` before a deployment, is no part of the name.
            # Versions that stated no outcome logged successes only.
            "outcome": f"coalesce({_known('status')}, {_said('status')}, "
            "case when litellm_spend_is_used then 'success' end)",
            "deployment": f"case when {_IS_AZURE} then regexp_replace(litellm_spend.model, '^azure/', '') "
            "else litellm_spend.model end",
        },
        {"tags": "llm_merged_tags(litellm_spend_clean_map, litellm_spend_clean_list)"},
    ),
    columns={
        "event_id": _known("request_id"),
        "trace_id": _known("session_id"),
        "session_id": _known("session_id"),
        "tenant_id": f"coalesce({_known('team_id')}, {_said('user_api_key_team_id')}, {_known('organization_id')}, "
        f"{_said('user_api_key_org_id')})",
        "user_id": f"coalesce(nullif(trim(litellm_spend.\"user\"), ''), {_said('user_api_key_user_id')})",
        "end_user_id": _known("end_user"),
        "api_key_id": f"coalesce({_known('api_key')}, {_said('user_api_key')})",
        "feature": "litellm_spend_tags['feature']",
        "environment": "coalesce(litellm_spend_tags['environment'], litellm_spend_tags['env'])",
        "tags": "litellm_spend_tags",
        "has_repeated_tag": "case when starts_with(litellm_spend_text, '{') and json_valid(litellm_spend_text) "
        "then llm_has_repeated_keys(litellm_spend_text, [" + ", ".join(f"'{one}'" for one in OBJECTS) + "]) "
        "else false end",
        "provider": f"coalesce(litellm_spend_provider, case when {_IS_AZURE} then 'azure' end)",
        "model": f"case when {_IS_AZURE} then "
        + _BASE.format(key=_said("model_map_information.model_map_key"))
        # A name that no provider answered to, such as that of a model which the proxy does not have.
        + " when litellm_spend_provider is null and lower(litellm_spend_outcome) = 'failure' then null"
        + " else litellm_spend.model end",
        "requested_model": f"coalesce(case when not {_IS_AZURE} then {_known('model_group')} end, "
        "litellm_spend_deployment)",
        "operation": "litellm_spend.call_type",
        "is_call": "not coalesce(llm_operation(lower(litellm_spend.call_type)) is null "
        f"and regexp_matches(litellm_spend.call_type, '{NO_CALLS}') and litellm_spend_is_used is not true, false)",
        "cache_hit": _boolean("cache_hit"),
        "service_tier": _part("service_tier"),
        "tokens_input": _count("prompt_tokens"),
        "tokens_cache_read": f"coalesce({_part(f'{_DETAILS}.cached_tokens')}, {_part('cache_read_input_tokens')}, "
        f"{_part('prompt_cache_hit_tokens')})",
        "tokens_cache_write": f"coalesce({_part('cache_creation_input_tokens')}, "
        f"{_part(f'{_DETAILS}.cache_write_tokens')}, {_part(f'{_DETAILS}.cache_creation_tokens')})",
        "tokens_cache_write_1h": _part(f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens"),
        "tokens_audio_input": _part(f"{_DETAILS}.audio_tokens"),
        "tokens_image_input": _part(f"{_DETAILS}.image_tokens"),
        "tokens_output": _count("completion_tokens"),
        "tokens_reasoning": _part("completion_tokens_details.reasoning_tokens"),
        "tokens_audio_output": _part("completion_tokens_details.audio_tokens"),
        "tokens_total": "litellm_spend.total_tokens",
        "web_search_requests": f"coalesce({_part('server_tool_use.web_search_requests')}, "
        f"{_part(f'{_DETAILS}.web_search_requests')})",
        "started_at": 'litellm_spend."startTime"',
        "ended_at": _known('"endTime"'),
        # Of a reply that was no stream it is the end.
        "first_token_at": f"""case when {_known('"completionStartTime"')} <> litellm_spend."endTime" """
        'then litellm_spend."completionStartTime" end',
        "status": "litellm_spend_outcome",
        "error_code": f"coalesce({_said('error_information.error_code')}, "
        f"case when lower(litellm_spend_outcome) = 'failure' then {_said('error_information.error_class')} end)",
        "error_message": _said("error_information.error_message"),
        "error_detail": _said("error_information.error_class"),
        "cost": "litellm_spend.spend",
        "zero_cost_is_missing": "true",
    },
)
