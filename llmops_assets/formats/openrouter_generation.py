"""OpenRouter's generation objects, as `GET /api/v1/generation` returns them: bare, or in `data`.

Conventions. `id` is the event's id, the same as `generation_id` of the activity export. The counts of the
model's own tokenizer (`native_tokens_…`) are those that are charged; the others are taken where they are absent.
Input includes cache reads, output includes reasoning. `total_cost`, else `usage`, is what OpenRouter charged,
in US dollars, also where it is 0 for a key of one's own. Times carry an offset. `provider_name` is who served
it; `router` is what was asked for. `latency` is in milliseconds. `external_user` is the end user.
"""

from llmops_assets.formats.format import Format, texts

FIELDS = texts(
    "id",
    "created_at",
    "model",
    "router",
    "provider_name",
    "streamed",
    "cancelled",
    "latency",
    "finish_reason",
    "tokens_prompt",
    "tokens_completion",
    "native_tokens_prompt",
    "native_tokens_completion",
    "native_tokens_reasoning",
    "native_tokens_cached",
    "total_cost",
    "usage",
    "external_user",
    "session_id",
    "api_type",
    "service_tier",
    "app_id",
    "data_region",
)


def _of(*names: str) -> str:
    """SQL of the first known of some fields, of the object or of what it wraps."""
    places = (f"openrouter_generation.{place}{name}" for name in names for place in ("", "data."))
    return f"coalesce({', '.join(places)})"


FORMAT = Format(
    name="openrouter_generation",
    rank=60,
    detect="list_contains(keys, 'native_tokens_prompt') or (list_contains(keys, 'tokens_prompt') "
    "and list_contains(keys, 'provider_name') and list_contains(keys, 'id')) or keys = ['data']",
    struct={**FIELDS, "data": FIELDS},
    steps=(
        {
            "is_cancelled": f"llm_boolean({_of('cancelled')})",
            "tags": f"case when coalesce({_of('app_id')}, {_of('data_region')}) is not null "
            f"then llm_clean_tags(map {{'app_id': {_of('app_id')}, 'data_region': {_of('data_region')}}}) end",
        },
    ),
    columns={
        "event_id": _of("id"),
        "end_user_id": _of("external_user"),
        "session_id": _of("session_id"),
        "tags": "openrouter_generation_tags",
        "provider": f"case when {_of('id')} is not null then 'openrouter' end",
        "upstream_provider": _of("provider_name"),
        "model": _of("model"),
        "requested_model": _of("router"),
        "operation": f"case {_of('api_type')} when 'completions' then 'chat' when 'tts' then 'audio' "
        f"when 'stt' then 'audio' else coalesce({_of('api_type')}, case when {_of('id')} is not null then 'chat' end) "
        "end",
        "streaming": _of("streamed"),
        "service_tier": _of("service_tier"),
        "tokens_input": _of("native_tokens_prompt", "tokens_prompt"),
        "tokens_cache_read": _of("native_tokens_cached"),
        "tokens_output": _of("native_tokens_completion", "tokens_completion"),
        "tokens_reasoning": _of("native_tokens_reasoning"),
        "started_at": _of("created_at"),
        "latency_ms": _of("latency"),
        "status": "case when openrouter_generation_is_cancelled then 'cancelled' "
        f"when lower({_of('finish_reason')}) = 'error' then 'error' when {_of('id')} is not null then 'success' end",
        "finish_reason": _of("finish_reason"),
        "cost": _of("total_cost", "usage"),
        "cost_kind": "'billed'",
    },
)
