"""Responses of OpenAI (and of Azure, xAI, OpenRouter and Bedrock in their shape), images and transcriptions.

Input includes cached tokens and cache writes, output includes reasoning. Each search that a reply lists among
its output is a charge of its own; pages that were only opened are none. A stream's last event, such as
`response.completed`, holds the whole reply.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

_USAGE = "reply.usage"
_DETAILS = f"{_USAGE}.input_tokens_details"

FAMILY = Family(
    name="openai_responses",
    rank=50,
    shape="reply.object = 'response' or starts_with(reply.type, 'response.') or (reply.usage.input_tokens is not null "
    "and (reply.usage.total_tokens is not null or reply.usage.input_tokens_details is not null))",
    reads={
        **texts("object", "type", "status", "service_tier"),
        "incomplete_details": texts("reason"),
        "output": [{**texts("type"), "action": texts("type")}],
        "usage": {
            **texts("input_tokens", "output_tokens", "total_tokens", "cost", "cost_in_usd_ticks", "is_byok"),
            "input_tokens_details": texts("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens"),
            "output_tokens_details": texts("reasoning_tokens", "audio_tokens"),
            "input_token_details": texts("audio_tokens"),
            "pydantic_ai_gateway": texts("cost_estimate"),
        },
    },
    fields={
        "shape_provider": f"case when {_USAGE}.is_byok is not null or starts_with(reply.id, 'gen-') then 'openrouter' "
        f"when {_USAGE}.cost_in_usd_ticks is not null then 'xai' "
        "when reply.object = 'response' and reply.model is null then 'openai' end",
        "operation": "case when reply.object = 'response' or starts_with(reply.type, 'response.') then 'chat' end",
        "service_tier": "reply.service_tier",
        "tokens_input": f"{_USAGE}.input_tokens",
        "tokens_cache_read": f"{_DETAILS}.cached_tokens",
        "tokens_cache_write": f"{_DETAILS}.cache_write_tokens",
        "tokens_audio_input": f"coalesce({_DETAILS}.audio_tokens, {_USAGE}.input_token_details.audio_tokens)",
        "tokens_image_input": f"{_DETAILS}.image_tokens",
        "tokens_output": f"{_USAGE}.output_tokens",
        "tokens_reasoning": f"{_USAGE}.output_tokens_details.reasoning_tokens",
        "tokens_audio_output": f"{_USAGE}.output_tokens_details.audio_tokens",
        "tokens_total": f"{_USAGE}.total_tokens",
        "web_search_requests": "cast(len(list_filter(reply.output, lambda item: item.type = 'web_search_call' "
        "and coalesce(item.action.type, 'search') = 'search')) as varchar)",
        # What is queued or in progress has not finished.
        "finish_reason": "coalesce(reply.incomplete_details.reason, "
        "case when not regexp_matches(reply.status, '^(queued|in_progress)$') then reply.status end)",
    },
)
