"""Converse of Amazon Bedrock.

Input excludes what was read from the cache and what was written to it: both are added. The cache counts come
under two names each, which are the same tokens. The reply does not name its model unless a prompt router
chose it. In a stream usage is in the event `metadata`.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

_USAGE = "reply.usage"
_READ = f"coalesce({_USAGE}.cacheReadInputTokens, {_USAGE}.cacheReadInputTokenCount)"
_WRITE = f"coalesce({_USAGE}.cacheWriteInputTokens, {_USAGE}.cacheWriteInputTokenCount)"

FAMILY = Family(
    name="bedrock",
    rank=20,
    shape="coalesce(reply.usage.inputTokens, reply.usage.outputTokens, reply.stopReason, "
    "reply.metrics.latencyMs) is not null",
    reads={
        **texts("stopReason"),
        "metrics": texts("latencyMs"),
        "serviceTier": texts("type"),
        "ResponseMetadata": texts("RequestId", "HTTPStatusCode"),
        "trace": {"promptRouter": texts("invokedModelId")},
        "usage": {
            **texts(
                "inputTokens",
                "outputTokens",
                "totalTokens",
                "cacheReadInputTokens",
                "cacheReadInputTokenCount",
                "cacheWriteInputTokens",
                "cacheWriteInputTokenCount",
            ),
            "cacheDetails": [texts("ttl", "inputTokens")],
        },
    },
    fields={
        "shape_provider": "'bedrock'",
        "operation": "'chat'",
        "service_tier": "reply.serviceTier.type",
        "tokens_input": f"case when {_USAGE}.inputTokens is not null "
        f"then llm_sum_of([{_USAGE}.inputTokens, {_READ}, {_WRITE}]) end",
        "tokens_cache_read": _READ,
        "tokens_cache_write": _WRITE,
        "tokens_cache_write_1h": f"llm_sum_of(list_transform(list_filter({_USAGE}.cacheDetails, "
        "lambda one: one.ttl = '1h'), lambda one: one.inputTokens))",
        "tokens_output": f"{_USAGE}.outputTokens",
        "tokens_total": f"{_USAGE}.totalTokens",
        "latency_ms": "reply.metrics.latencyMs",
        "finish_reason": "reply.stopReason",
    },
)
