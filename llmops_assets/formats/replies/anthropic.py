"""Messages of Anthropic, also from Bedrock and Vertex AI.

Input excludes what was read from the cache and what was written to it: both are added. Output includes
thinking. In a stream the input is in `message_start`, and the output of each `message_delta` is the count so
far; a count that grows while server tools run is stated there again. `iterations` lists what a call consumed
piece by piece: a compaction and an advisor's answer are only there, so that their sum is the call's, where
it is larger. An advisor is another model; its tokens are counted with the call's, at the price of its model.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

COUNTS = {
    **texts("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    "cache_creation": texts("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
}


def _written(usage: str) -> str:
    split = f"{usage}.cache_creation.ephemeral_5m_input_tokens, {usage}.cache_creation.ephemeral_1h_input_tokens"
    return f"coalesce({usage}.cache_creation_input_tokens, llm_sum_of([{split}]))"


def _largest(count: str) -> str:
    """The largest of what a stream says first and last, and of the sum of the iterations."""
    iterations = f"llm_sum_of(list_transform(reply.usage.iterations, lambda one: {count.format('one')}))"
    return f"llm_largest_of([{count.format('reply.start')}, {count.format('reply.usage')}, {iterations}])"


FAMILY = Family(
    name="anthropic",
    rank=60,
    shape="reply.type = 'message' or starts_with(reply.type, 'message_') or reply.stop_reason is not null "
    "or reply.usage.input_tokens is not null or reply.start.input_tokens is not null",
    reads={
        **texts("type", "stop_reason"),
        "usage": {
            **COUNTS,
            **texts("service_tier"),
            "output_tokens_details": texts("thinking_tokens"),
            "server_tool_use": texts("web_search_requests"),
            "iterations": [COUNTS],
        },
    },
    steps={
        "input": _largest("{0}.input_tokens"),
        "read": _largest("{0}.cache_read_input_tokens"),
        "write": _largest(_written("{0}")),
    },
    fields={
        "shape_provider": "case when starts_with(reply.id, 'msg_bdrk_') then 'bedrock' "
        "when starts_with(reply.id, 'msg_vrtx_') then 'vertex_ai' "
        "when starts_with(reply.id, 'msg_') then 'anthropic' end",
        "operation": "case when reply.usage is not null or reply.type is not null then 'chat' end",
        "service_tier": "coalesce(reply.usage.service_tier, reply.start.service_tier)",
        "tokens_input": "case when step.input is not null then llm_sum_of([step.input, step.read, step.write]) end",
        "tokens_cache_read": "step.read",
        "tokens_cache_write": "step.write",
        "tokens_cache_write_1h": _largest("{0}.cache_creation.ephemeral_1h_input_tokens"),
        "tokens_output": _largest("{0}.output_tokens"),
        "tokens_reasoning": "reply.usage.output_tokens_details.thinking_tokens",
        "web_search_requests": "reply.usage.server_tool_use.web_search_requests",
        "finish_reason": "reply.stop_reason",
    },
)
