"""LiteLLM's standard logging payload, with made-up prompts, answers and people.

Belongs here: the payload's structure as a gateway writes it, single or in batches. Durations and times
are float seconds, prompts include cached tokens, and a cost of 0.0 may mean that there is no price.
"""

from llmops_assets.generator.catalogue import CANARY, FAILURE_BY_NAME
from llmops_assets.generator.record import Fields, Record, usage, uuid
from llmops_assets.generator.traffic import Call

_PROVIDERS = {"google": "gemini"}
_NO_ERROR: Fields = {
    "error_code": "",
    "error_class": "",
    "llm_provider": "",
    "traceback": "",
    "error_message": "",
    "error_provider_request_id": None,
    "normalized_error": None,
}


def logging_payload(call: Call) -> Record:
    """One attempt as LiteLLM logs it: failures have no response, and usage only where a stream was cut."""
    tokens = usage(call) if _has_usage(call) else (None, None)
    fields = {
        **_identity(call),
        **_timing(call),
        **_accounting(call, *tokens),
        "messages": _messages(call),
        "response": _response(call, *tokens) if call.succeeded else {},
        "metadata": _metadata(call, *tokens),
        **_surroundings(call),
        **_error(call),
    }
    return Record(fields, call, "litellm", *tokens, call.tenant, has_id=True)


def _has_usage(call: Call) -> bool:
    return call.succeeded or call.outcome == "cancelled"


def _identity(call: Call) -> Fields:
    provider = None if call.provider is None else _PROVIDERS.get(call.provider, call.provider)
    status = "success" if call.succeeded else "failure"
    return {
        "id": f"chatcmpl-{call.call_id[:24]}" + (f"_cache_hit{call.at_us / 1e6}" if call.cache_hit else ""),
        "litellm_call_id": uuid(call.call_id),
        "trace_id": uuid(call.request_id),
        "session_id": "",
        "call_type": "acompletion",
        "cache_hit": True if call.cache_hit else None,
        "cache_key": call.call_id * 2 if call.cache_hit else None,
        "stream": True if call.streaming else None,
        "status": status,
        "status_fields": {"llm_api_status": status, "guardrail_status": "not_run"},
        "custom_llm_provider": provider,
        "model": call.model_name,
        "model_group": call.model_name,
        "model_id": "",
        "api_base": "",
    }


def _timing(call: Call) -> Fields:
    """For streams `response_time` is the time to the first token, and so is `completionStartTime`."""
    start_s, latency_s = call.at_us / 1e6, call.latency_ms / 1e3
    first_s = call.first_token_ms / 1e3 if call.streaming else latency_s
    return {
        "startTime": start_s,
        "endTime": start_s + latency_s,
        "completionStartTime": start_s + first_s,
        "response_time": first_s,
    }


def _accounting(call: Call, tokens_input: int | None, tokens_output: int | None) -> Fields:
    cost = 0.0 if tokens_input is None or call.cache_hit else call.cost_usd or 0.0
    output_cost = (tokens_output or 0) * call.model.output_usd / 1e6 if cost else 0.0
    breakdown = {
        "input_cost": cost - output_cost,
        "output_cost": output_cost,
        "total_cost": cost,
        "tool_usage_cost": 0.0,
        "original_cost": cost,
        "discount_percent": 0.0,
        "discount_amount": 0.0,
    }
    return {
        "prompt_tokens": tokens_input or 0,
        "completion_tokens": tokens_output or 0,
        "total_tokens": (tokens_input or 0) + (tokens_output or 0),
        "response_cost": cost,
        "saved_cache_cost": call.cost_usd if call.cache_hit else 0.0,
        "cost_breakdown": breakdown if _has_usage(call) else None,
        "response_cost_failure_debug_info": _no_price(call),
        "zero_cost_diagnostic": None,
    }


def _no_price(call: Call) -> Fields | None:
    if not call.unknown_model:
        return None
    return {"error_str": "This model isn't mapped yet", "model": call.model_name, "call_type": "acompletion"}


def _usage_object(call: Call, tokens_input: int | None, tokens_output: int | None) -> Fields:
    """True counts; an answer whose provider reported nothing has zeros here."""
    cached = call.tokens_cached if tokens_input is not None else 0
    reasoning = call.tokens_reasoning if tokens_input is not None else 0
    usage_object: Fields = {
        "prompt_tokens": tokens_input or 0,
        "completion_tokens": tokens_output or 0,
        "total_tokens": (tokens_input or 0) + (tokens_output or 0),
        "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": cached},
        "completion_tokens_details": {"audio_tokens": None, "reasoning_tokens": reasoning},
    }
    if call.model.provider == "anthropic":
        usage_object |= {"cache_read_input_tokens": cached, "cache_creation_input_tokens": 0}
    return usage_object


def _messages(call: Call) -> list[Fields]:
    return [
        {"role": "system", "content": f"You are a careful assistant for {call.feature}."},
        {"role": "user", "content": f"{CANARY}: please look at case {call.session} and say what to do next."},
    ]


def _response(call: Call, tokens_input: int | None, tokens_output: int | None) -> Fields:
    message = {
        "role": "assistant",
        "content": f"{CANARY}: case {call.session} needs a second look before it is closed.",
        "tool_calls": None,
    }
    return {
        "id": f"chatcmpl-{call.call_id[:24]}",
        "created": call.at_us // 1_000_000,
        "model": call.model_name,
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": call.finish, "message": message}],
        "usage": _usage_object(call, tokens_input, tokens_output),
    }


def _metadata(call: Call, tokens_input: int | None, tokens_output: int | None) -> Fields:
    return {
        "user_api_key_hash": f"{call.user:02x}" * 32,
        "user_api_key_alias": f"key-{call.tenant}-{call.user % 3}",
        "user_api_key_team_id": call.tenant,
        "user_api_key_team_alias": call.tenant.title(),
        "user_api_key_org_id": "org-example",
        "user_api_key_user_id": f"user_{call.user:03d}",
        "user_api_key_user_email": f"user_{call.user:03d}@example.com",
        "user_api_key_end_user_id": None,
        "requester_ip_address": f"10.0.{call.user % 8}.{call.session % 250}",
        "spend_logs_metadata": None,
        "requester_metadata": None,
        "usage_object": _usage_object(call, tokens_input, tokens_output) if _has_usage(call) else {},
    }


def _surroundings(call: Call) -> Fields:
    return {
        "request_tags": [f"feature:{call.feature}", f"env:{call.environment}", "User-Agent: example/1.0"],
        "request_model_access_groups": [],
        "end_user": None,
        "requester_ip_address": f"10.0.{call.user % 8}.{call.session % 250}",
        "user_agent": None,
        "model_parameters": {"temperature": 0.2, "stream": True} if call.streaming else {"temperature": 0.2},
        "hidden_params": {"model_id": None, "cache_key": None, "litellm_model_name": call.model_name},
        "model_map_information": {"model_map_key": call.model_name, "model_map_value": None},
        "guardrail_information": None,
        "standard_built_in_tools_params": {"web_search_options": None, "file_search": None},
    }


def _error(call: Call) -> Fields:
    if call.succeeded:
        return {"error_str": None, "error_information": _NO_ERROR}
    if call.outcome == "cancelled":
        text = "Response payload is not completed: <TransferEncodingError>"
        return {"error_str": text, "error_information": _NO_ERROR | {"error_class": "ReadError", "error_message": text}}
    failure = FAILURE_BY_NAME[call.outcome]
    text = f"litellm.{failure.error_class}: Error code: {failure.status_code} - {failure.message}"
    information = _NO_ERROR | {
        "error_code": str(failure.status_code),
        "error_class": failure.error_class,
        "llm_provider": call.model.provider,
        "traceback": '  File "/app/proxy/router.py", line 2112, in wrapper_async\n    raise error\n',
        "error_message": text,
    }
    return {"error_str": text, "error_information": information}
