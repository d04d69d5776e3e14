"""Chat completions, completions and embeddings of OpenAI and of everybody who answers in their shape.

That is Azure, Groq, Mistral, DeepSeek, xAI, OpenRouter, Cerebras, gateways and Gemini's own compatible door.
Input includes cached tokens, under one of four names. Output includes reasoning, unless the total is above
the sum of both: what is missing there is reasoning that was generated and charged, and not stated (Gemini's
door) or stated beside the completion (xAI). `usage.cost` is what OpenRouter charged, in US dollars, and
`cost_in_usd_ticks` what xAI charged; anybody else's is an estimate.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

_USAGE = "reply.usage"
_INPUT = "reply.usage.prompt_tokens"
_OUTPUT = "reply.usage.completion_tokens"
_REASONING = f"coalesce({_USAGE}.completion_tokens_details.reasoning_tokens, {_USAGE}.reasoning_tokens)"
_IS_STATED = f"coalesce(try_cast({_REASONING} as hugeint) = try_cast(step.hidden as hugeint), false)"
_IS_OPENROUTER = (
    f"({_USAGE}.is_byok is not null or ({_USAGE}.cost is not null and (reply.provider is not null "
    "or starts_with(reply.id, 'gen-'))))"
)

FAMILY = Family(
    name="openai_chat",
    rank=40,
    shape="coalesce(reply.usage.prompt_tokens, reply.usage.completion_tokens) is not null "
    "or reply.choices is not null or starts_with(reply.object, 'chat.completion') or reply.object = 'text_completion' "
    "or reply.object = 'list'",
    reads={
        **texts("object", "service_tier", "provider", "system_fingerprint"),
        "choices": [texts("finish_reason")],
        "prompt_filter_results": [texts("prompt_index")],
        "x_groq": texts("id"),
        "usage": {
            **texts(
                "prompt_tokens",
                "completion_tokens",
                "total_tokens",
                "reasoning_tokens",
                "prompt_cache_hit_tokens",
                "num_cached_tokens",
                "cached_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "queue_time",
                "cost",
                "is_byok",
                "cost_in_usd_ticks",
                "num_sources_used",
            ),
            "prompt_tokens_details": texts(
                "cached_tokens", "cache_write_tokens", "cache_creation_tokens", "audio_tokens", "image_tokens"
            ),
            "completion_tokens_details": texts("reasoning_tokens", "audio_tokens"),
            "server_tool_use": texts("web_search_requests"),
            "server_side_tool_usage_details": texts("web_search_calls"),
            "pydantic_ai_gateway": texts("cost_estimate"),
        },
    },
    steps={
        "hidden": f"case when {_INPUT} is not null and {_OUTPUT} is not null "
        f"then llm_excess({_USAGE}.total_tokens, llm_sum_of([{_INPUT}, {_OUTPUT}])) end",
    },
    fields={
        "shape_provider": f"case when {_IS_OPENROUTER} then 'openrouter' "
        f"when reply.x_groq is not null or {_USAGE}.queue_time is not null then 'groq' "
        f"when {_USAGE}.num_cached_tokens is not null then 'mistral' "
        f"when {_USAGE}.prompt_cache_hit_tokens is not null then 'deepseek' "
        f"when coalesce({_USAGE}.num_sources_used, {_USAGE}.cost_in_usd_ticks) is not null then 'xai' "
        "when reply.prompt_filter_results is not null then 'azure' end",
        "upstream_provider": "reply.provider",
        "operation": "case when reply.object = 'list' then 'embedding' when reply.object = 'text_completion' "
        f"then 'text_completion' when {_INPUT} is not null and {_OUTPUT} is null and reply.choices is null "
        "then 'embedding' else 'chat' end",
        "service_tier": "reply.service_tier",
        "tokens_input": _INPUT,
        "tokens_cache_read": f"coalesce({_USAGE}.prompt_tokens_details.cached_tokens, "
        f"{_USAGE}.prompt_cache_hit_tokens, {_USAGE}.num_cached_tokens, {_USAGE}.cached_tokens, "
        f"{_USAGE}.cache_read_input_tokens)",
        "tokens_cache_write": f"coalesce({_USAGE}.prompt_tokens_details.cache_write_tokens, "
        f"{_USAGE}.prompt_tokens_details.cache_creation_tokens, {_USAGE}.cache_creation_input_tokens)",
        "tokens_audio_input": f"{_USAGE}.prompt_tokens_details.audio_tokens",
        "tokens_image_input": f"{_USAGE}.prompt_tokens_details.image_tokens",
        "tokens_output": f"llm_sum_of([{_OUTPUT}, step.hidden])",
        "tokens_reasoning": f"case when {_IS_STATED} then {_REASONING} "
        f"else llm_sum_of([{_REASONING}, step.hidden]) end",
        "has_hidden_reasoning": f"step.hidden is not null and not {_IS_STATED}",
        "tokens_audio_output": f"{_USAGE}.completion_tokens_details.audio_tokens",
        "tokens_total": f"{_USAGE}.total_tokens",
        "web_search_requests": f"coalesce({_USAGE}.server_tool_use.web_search_requests, "
        f"{_USAGE}.server_side_tool_usage_details.web_search_calls, {_USAGE}.num_sources_used)",
        "finish_reason": "reply.choices[1].finish_reason",
    },
)
