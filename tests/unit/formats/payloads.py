"""LiteLLM payloads to test with: one that has everything, and what becomes of it in a failure."""

import copy
from typing import Any

from decoding import Row

SECRET = "the secret recipe"
USAGE: Row = {
    "prompt_tokens": 3600,
    "completion_tokens": 200,
    "total_tokens": 3800,
    "prompt_tokens_details": {
        "cached_tokens": 1000,
        "cache_write_tokens": 2500,
        "cache_creation_token_details": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 2000},
        "audio_tokens": None,
    },
    "completion_tokens_details": {"reasoning_tokens": 77, "text_tokens": 123},
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 2500,
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "standard",
}
PAYLOAD: Row = {
    "id": "chatcmpl-1",
    "litellm_call_id": "call-1",
    "trace_id": "sess-3",
    "session_id": "",
    "call_type": "acompletion",
    "cache_hit": None,
    "stream": None,
    "status": "success",
    "custom_llm_provider": "anthropic",
    "saved_cache_cost": 0.0,
    "startTime": 1795188872.924531,
    "endTime": 1795188872.9555,
    "completionStartTime": 1795188872.9555,
    "response_time": 0.030968904495239258,
    "model": "claude-sonnet-4-5",
    "model_group": "",
    "prompt_tokens": 3600,
    "completion_tokens": 200,
    "total_tokens": 3800,
    "response_cost": 0.017475,
    "request_tags": ["feature:chat", "env:prod", "User-Agent: acme-app", "User-Agent: acme-app/1.4.2"],
    "end_user": "end-user-5",
    "messages": [{"role": "user", "content": SECRET}],
    "response": {
        "id": "chatcmpl-1",
        "model": "claude-sonnet-4-5-20250929",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": SECRET}}],
        "usage": USAGE,
    },
    "metadata": {
        "user_api_key_hash": "00ff",
        "user_api_key_team_id": "team-søk",
        "user_api_key_org_id": "org-1",
        "user_api_key_user_id": "u-002",
        "requester_metadata": {"ticket": "ABC-1", "prompt": SECRET},
        "spend_logs_metadata": None,
        "usage_object": USAGE,
    },
    "model_parameters": {"temperature": 0.2, "tools": [{"description": SECRET}]},
    "model_map_information": {"model_map_key": "claude-sonnet-4-5-20250929", "model_map_value": {"key": "known"}},
    "error_str": None,
    "error_information": {"error_code": "", "error_class": "", "error_message": "", "llm_provider": ""},
}


def payload(**changes: Any) -> Row:
    """`PAYLOAD` with other values; `metadata__team` is a field of the object `metadata`."""
    record = copy.deepcopy(PAYLOAD)
    for path, value in changes.items():
        *parents, name = path.split("__")
        place = record
        for parent in parents:
            place = place[parent]
        place[name] = value
    return record


def failure(code: str = "429", error_class: str = "RateLimitError", text: str = "slow down", **changes: Any) -> Row:
    """A failure as LiteLLM logs it: no response, zeros and an empty usage object."""
    error = {"error_code": code, "error_class": error_class, "error_message": text, "llm_provider": "anthropic"}
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0.0, "response": {}}
    return payload(
        **{"status": "failure", **nothing, "error_information": error, "error_str": text, "metadata__usage_object": {}}
        | {"model_map_information": {"model_map_key": "", "model_map_value": None}}
        | changes
    )
