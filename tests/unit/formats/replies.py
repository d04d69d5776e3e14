"""Replies of providers to test with: one of every family, wrapped as a gateway would, and as recorded streams."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from decoding import Row

SECRET = "the secret recipe"
WRAPPER: Row = {
    "provider": "openai",
    "request_time": "2026-11-20T15:00:00.250Z",
    "tenant": "team-søk",
    "latency_ms": 810,
    "http_status": 200,
}
CHAT: Row = {
    "id": "chatcmpl-CcXm1",
    "object": "chat.completion",
    "created": 1795186801,
    "model": "gpt-5-mini-2025-08-07",
    "service_tier": "default",
    "system_fingerprint": "fp_50cad350e4",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": SECRET}}],
    "usage": {
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 192, "audio_tokens": 0, "accepted_prediction_tokens": 0},
    },
}
RESPONSES: Row = {
    "id": "resp_68a1",
    "object": "response",
    "created_at": 1795186801,
    "model": "gpt-5.4-2026-03-05",
    "status": "completed",
    "service_tier": "flex",
    "error": None,
    "incomplete_details": None,
    "instructions": SECRET,
    "metadata": {"id": "not-the-id", "model": "not-the-model"},
    "output": [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": SECRET}},
        {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page"}},
        {"type": "message", "content": [{"type": "output_text", "text": SECRET}]},
    ],
    "usage": {
        "input_tokens": 900,
        "input_tokens_details": {"cached_tokens": 512, "cache_write_tokens": 128},
        "output_tokens": 450,
        "output_tokens_details": {"reasoning_tokens": 320},
        "total_tokens": 1350,
    },
}
MESSAGE: Row = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": SECRET}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 30,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 700,
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 400},
        "output_tokens": 150,
        "output_tokens_details": {"thinking_tokens": 60},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        "service_tier": "batch",
        "inference_geo": "global",
    },
}
GEMINI: Row = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": SECRET}]}, "finishReason": "STOP", "index": 0}],
    "modelVersion": "models/gemini-2.5-pro",
    "responseId": "r-7Yx",
    "usageMetadata": {
        "promptTokenCount": 500,
        "cachedContentTokenCount": 300,
        "toolUsePromptTokenCount": 80,
        "candidatesTokenCount": 40,
        "thoughtsTokenCount": 90,
        "totalTokenCount": 710,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 180}, {"modality": "AUDIO", "tokenCount": 320}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 250}, {"modality": "TEXT", "tokenCount": 50}],
        "trafficType": "ON_DEMAND_FLEX",
    },
}
CONVERSE: Row = {
    "ResponseMetadata": {"RequestId": "9f1c-77", "HTTPStatusCode": 200, "RetryAttempts": 0},
    "output": {"message": {"role": "assistant", "content": [{"text": SECRET}]}},
    "stopReason": "max_tokens",
    "metrics": {"latencyMs": 612},
    "serviceTier": {"type": "priority"},
    "usage": {
        "inputTokens": 22,
        "outputTokens": 13,
        "totalTokens": 2627,
        "cacheReadInputTokens": 2092,
        "cacheReadInputTokenCount": 2092,
        "cacheWriteInputTokens": 500,
        "cacheWriteInputTokenCount": 500,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 300}],
    },
}
COHERE: Row = {
    "id": "c14c80c3",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": SECRET}]},
    "usage": {
        "billed_units": {"input_tokens": 51, "output_tokens": 13},
        "tokens": {"input_tokens": 1533, "output_tokens": 36},
        "cached_tokens": 1440,
    },
}
EMBEDDING: Row = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.01, -0.02]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}
OPENROUTER: Row = {
    "id": "gen-1795186801-Xy",
    "provider": "Anthropic",
    "model": "anthropic/claude-4.6-sonnet-20260217",
    "object": "chat.completion",
    "choices": [{"finish_reason": "tool_calls", "native_finish_reason": "tool_use", "message": {"content": SECRET}}],
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 50,
        "total_tokens": 1050,
        "cost": 0.00219855,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300},
        "cost_details": {"upstream_inference_cost": None},
    },
}
CHAT_CHUNKS: list[Row] = [
    {**{name: CHAT[name] for name in ("id", "created", "model")}, "object": "chat.completion.chunk", **chunk}
    for chunk in (
        {
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
            "usage": None,
        },
        {"choices": [{"index": 0, "delta": {"content": SECRET}, "finish_reason": None}], "usage": None},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}], "usage": None},
        {"choices": [], "usage": CHAT["usage"]},
    )
]
MESSAGE_EVENTS: list[Row] = [
    {
        "type": "message_start",
        "message": {
            **{name: MESSAGE[name] for name in ("id", "type", "role", "model")},
            "content": [],
            "usage": {**MESSAGE["usage"], "output_tokens": 1, "output_tokens_details": None, "server_tool_use": None},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SECRET}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 90}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 150}},
    {"type": "message_stop"},
]
RESPONSES_EVENTS: list[Row] = [
    {"type": "response.created", "response": {**RESPONSES, "status": "in_progress", "output": [], "usage": None}},
    {"type": "response.output_text.delta", "item_id": "msg_1", "delta": SECRET},
    {"type": "response.completed", "response": RESPONSES},
]
GEMINI_CHUNKS: list[Row] = [
    {
        **GEMINI,
        "candidates": [{"content": {"parts": [{"text": SECRET}]}}],
        "usageMetadata": {"promptTokenCount": 500, "totalTokenCount": 500},
    },
    GEMINI,
]
CONVERSE_EVENTS: list[Row] = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": SECRET}}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "max_tokens"}},
    {"metadata": {name: CONVERSE[name] for name in ("usage", "metrics", "serviceTier")}},
]
COHERE_EVENTS: list[Row] = [
    {"type": "message-start", "id": "c14c80c3", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": SECRET}}}},
    {"type": "message-end", "delta": {name: COHERE[name] for name in ("finish_reason", "usage")}},
]
GROQ_CHUNKS: list[Row] = [
    {
        "id": "chatcmpl-7b",
        "object": "chat.completion.chunk",
        "model": "llama-3.3-70b-versatile",
        "choices": [{"delta": {"content": SECRET}, "finish_reason": None}],
        "x_groq": {"id": "req_01jx"},
    },
    {
        "id": "chatcmpl-7b",
        "object": "chat.completion.chunk",
        "model": "llama-3.3-70b-versatile",
        "choices": [{"delta": {}, "finish_reason": "stop"}],
        "x_groq": {
            "id": "req_01jx",
            "usage": {"queue_time": 0.27, "prompt_tokens": 42, "completion_tokens": 8, "total_tokens": 50},
        },
    },
]


def wrapped(response: Any, **fields: Any) -> Row:
    """The record of a call with this reply; a field of None is left out, one of the wrapper's too."""
    record = {**WRAPPER, **fields, "response": copy.deepcopy(response)}
    return {name: value for name, value in record.items() if value is not None or name == "response"}


def chat(usage: Mapping[str, Any] | None = None, **fields: Any) -> Row:
    """`CHAT` with another usage and other fields."""
    return {**CHAT, **fields, "usage": CHAT["usage"] if usage is None else dict(usage)}


def events(chunks: Sequence[Mapping[str, Any]], *, newline: str = "\n") -> str:
    """The text of a stream of server-sent events."""
    lines: list[str] = []
    for chunk in chunks:
        lines += [f"event: {chunk['type']}"] if "type" in chunk else []
        lines += [f"data: {json.dumps(chunk, ensure_ascii=False)}", ""]
    return newline.join([*lines, "data: [DONE]", ""])
