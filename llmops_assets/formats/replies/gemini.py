"""generateContent and embeddings of Gemini, from Google's own API and from Vertex AI.

The prompt includes cached tokens; what tools put into it is counted beside it and is input too. Thoughts are
output beside the candidates. The totals win over the details by modality, which need not add up to them, and
cached audio and images are taken from those of the prompt. A count of 0 is left out, so that a reply with
candidates but no count of them has the output that the total leaves.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

_META = "reply.usageMetadata"
_PROMPT = f"{_META}.promptTokenCount"
_TOOLS = f"{_META}.toolUsePromptTokenCount"
_THOUGHTS = f"{_META}.thoughtsTokenCount"
_CANDIDATES = f"{_META}.candidatesTokenCount"
_SPOKEN = f"{_META}.candidatesTokensDetails"
_INPUT = f"llm_sum_of([{_PROMPT}, {_TOOLS}])"
_DETAIL = [texts("modality", "tokenCount")]


def _modality(details: str, modality: str) -> str:
    return (
        f"llm_sum_of(list_transform(list_filter({details}, lambda one: upper(one.modality) = '{modality}'), "
        "lambda one: one.tokenCount))"
    )


def _uncached(modality: str) -> str:
    """Tokens of the prompt that were not read from the cache, at most the whole prompt."""
    details = f"coalesce({_META}.promptTokensDetails, {_META}.promptTokenDetails)"
    stated = f"llm_smallest_of([{_modality(details, modality)}, {_PROMPT}])"
    cached = _modality(f"{_META}.cacheTokensDetails", modality)
    return (
        f"case when {_modality(details, modality)} is null then null when {cached} is null then {stated} "
        f"else coalesce(llm_excess({stated}, {cached}), '0') end"
    )


FAMILY = Family(
    name="gemini",
    rank=10,
    shape="reply.usageMetadata is not null or reply.candidates is not null or reply.promptFeedback is not null "
    "or reply.modelVersion is not null",
    reads={
        "candidates": [texts("finishReason")],
        "promptFeedback": texts("blockReason"),
        **texts("modelVersion", "responseId"),
        "usageMetadata": {
            **texts(
                "promptTokenCount",
                "toolUsePromptTokenCount",
                "cachedContentTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "totalTokenCount",
                "trafficType",
                "serviceTier",
            ),
            "promptTokensDetails": _DETAIL,
            "promptTokenDetails": _DETAIL,
            "cacheTokensDetails": _DETAIL,
            "candidatesTokensDetails": _DETAIL,
            "pydantic_ai_gateway": texts("cost_estimate"),
        },
    },
    fields={
        "shape_provider": f"case when {_META}.trafficType is not null then 'vertex_ai' else 'google' end",
        "operation": f"case when coalesce({_CANDIDATES}, {_THOUGHTS}, reply.promptFeedback.blockReason) is not null "
        f"or reply.candidates is not null then 'chat' when {_PROMPT} is not null then 'embedding' end",
        "service_tier": f"coalesce({_META}.serviceTier, {_META}.trafficType)",
        "tokens_input": _INPUT,
        "tokens_cache_read": f"{_META}.cachedContentTokenCount",
        "tokens_audio_input": _uncached("AUDIO"),
        "tokens_image_input": _uncached("IMAGE"),
        "tokens_output": f"case when coalesce({_CANDIDATES}, {_THOUGHTS}) is not null "
        f"then llm_sum_of([{_CANDIDATES}, {_THOUGHTS}]) "
        f"when reply.candidates is not null and {_META}.totalTokenCount is not null "
        f"then coalesce(llm_excess({_META}.totalTokenCount, {_INPUT}), '0') end",
        "tokens_reasoning": _THOUGHTS,
        "tokens_audio_output": f"llm_smallest_of([{_modality(_SPOKEN, 'AUDIO')}, {_CANDIDATES}])",
        "tokens_total": f"{_META}.totalTokenCount",
        "finish_reason": "coalesce(reply.candidates[1].finishReason, reply.promptFeedback.blockReason)",
    },
)
