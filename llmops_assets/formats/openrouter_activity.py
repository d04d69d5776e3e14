"""OpenRouter's activity export: a CSV with a row for each generation.

Conventions. `generation_id` is the event's id, the same as that of the generation object. Input includes
cache reads, output includes reasoning. `cost_total` is what OpenRouter charged, in US dollars, also where it is 0
for a key of one's own; the discount for the cache, a negative `cost_cache`, is already inside it and never
added. Times have no offset and are UTC. The header varies: columns come and go, so that each field has several
names, and only the id and one of cost, tokens or model must be there. Who served it is `provider_name`; a
model keeps its author's prefix, as OpenRouter names it. `generation_time_ms` is taken as the latency.
"""

from llmops_assets.formats.format import Format, first_of, texts

NAMES = {
    "event_id": ("generation_id",),
    "started_at": ("created_at", "timestamp", "date"),
    "user_id": ("user", "user_id"),
    "session_id": ("session_id",),
    "api_key_id": ("api_key_name", "api_key"),
    "upstream_provider": ("provider_name", "provider"),
    "model": ("model_permaslug", "model"),
    "tokens_input": ("tokens_prompt", "native_tokens_prompt", "prompt_tokens"),
    "tokens_cache_read": ("tokens_cached", "native_tokens_cached", "cached_tokens"),
    "tokens_output": ("tokens_completion", "native_tokens_completion", "completion_tokens"),
    "tokens_reasoning": ("tokens_reasoning", "native_tokens_reasoning", "reasoning_tokens"),
    "latency_ms": ("generation_time_ms",),
    "time_to_first_token_ms": ("time_to_first_token_ms",),
    "streaming": ("streamed", "streaming"),
    "finish_reason": ("finish_reason_normalized", "finish_reason", "finish_reason_raw"),
    "service_tier": ("service_tier",),
    "cost": ("cost_total", "total_cost", "usage"),
}
TAGS = ("app_name", "variant")

FORMAT = Format(
    name="openrouter_activity",
    rank=30,
    detect="list_contains(keys, 'generation_id') and (list_contains(keys, 'cost_total') "
    "or list_contains(keys, 'tokens_prompt') or list_contains(keys, 'model_permaslug'))",
    struct=texts(*(name for names in NAMES.values() for name in names), *TAGS, "cancelled"),
    steps=(
        {
            "is_cancelled": "llm_boolean(trim(openrouter_activity.cancelled))",
            "finish": first_of("openrouter_activity", *NAMES["finish_reason"]),
            "tags": "case when coalesce(openrouter_activity.app_name, openrouter_activity.variant) is not null "
            "then llm_clean_tags(map {"
            + ", ".join(f"'{name}': nullif(openrouter_activity.{name}, '')" for name in TAGS)
            + "}) end",
        },
    ),
    columns={
        **{field: first_of("openrouter_activity", *names) for field, names in NAMES.items()},
        "tags": "openrouter_activity_tags",
        "provider": "case when openrouter_activity.generation_id is not null then 'openrouter' end",
        # Of what is no chat the export has no rows.
        "operation": "case when openrouter_activity.generation_id is not null then 'chat' end",
        "status": "case when openrouter_activity_is_cancelled then 'cancelled' "
        "when lower(openrouter_activity_finish) = 'error' then 'error' "
        "when openrouter_activity.generation_id is not null then 'success' end",
        "cost_kind": "'billed'",
    },
)
