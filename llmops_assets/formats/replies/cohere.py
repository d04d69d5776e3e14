"""Chat, embeddings and reranking of Cohere.

Two figures come with each reply: the tokens that were processed, and the billed units, which leave out what
Cohere itself put into the prompt. The billed ones are taken, the others where there are none. `cached_tokens`
are part of the processed ones and can exceed the billed ones, and are read only with them.
"""

from llmops_assets.formats.format import texts
from llmops_assets.formats.replies.family import Family

_BILLED = "coalesce(reply.usage.billed_units, reply.meta.billed_units)"
_TOKENS = "coalesce(reply.usage.tokens, reply.meta.tokens)"
_COUNTS = {
    "billed_units": texts("input_tokens", "output_tokens", "image_tokens", "search_units"),
    "tokens": texts("input_tokens", "output_tokens", "image_tokens", "search_units"),
}

FAMILY = Family(
    name="cohere",
    rank=30,
    shape=f"coalesce({_BILLED}, {_TOKENS}) is not null",
    reads={
        **texts("finish_reason", "response_id", "generation_id"),
        "usage": {**_COUNTS, **texts("cached_tokens")},
        "meta": {**_COUNTS, **texts("cached_tokens")},
    },
    fields={
        "shape_provider": "'cohere'",
        "operation": f"case when {_BILLED}.search_units is not null and {_TOKENS}.output_tokens is null then 'rerank' "
        f"when coalesce({_BILLED}.output_tokens, {_TOKENS}.output_tokens, reply.finish_reason) is not null then 'chat' "
        f"when {_BILLED}.input_tokens is not null then 'embedding' end",
        "tokens_input": f"case when {_BILLED} is not null "
        f"then llm_sum_of([{_BILLED}.input_tokens, {_BILLED}.image_tokens]) else {_TOKENS}.input_tokens end",
        "tokens_image_input": f"{_BILLED}.image_tokens",
        "tokens_cache_read": f"case when {_BILLED} is null then coalesce(reply.usage.cached_tokens, "
        "reply.meta.cached_tokens) end",
        "tokens_output": f"case when {_BILLED} is not null then {_BILLED}.output_tokens "
        f"else {_TOKENS}.output_tokens end",
        "finish_reason": "reply.finish_reason",
    },
)
