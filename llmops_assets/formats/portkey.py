"""Portkey's log export: a line for each request that went through the gateway.

Conventions. `id` is the event's id. Input (`req_units`) includes cache reads, output (`res_units`) includes
reasoning. `cost` is in US cents and an estimate, 0 where Portkey knew no price. Times are of the request,
without an offset, in UTC. Booleans come as words or as 0 and 1. Metadata is an object, or parallel lists of
keys and values under `metadata.key` and `metadata.value`, also as JSON in a text; of its keys, those that
Portkey reserves (`_user`, `_organisation`, `_environment`) say who and where. A hit of the gateway's cache is
`cache_status` HIT or SEMANTIC HIT. What was done follows from the request's url; lists of models, files and
the like are no calls. Requests and responses are not read.
"""

from llmops_assets.formats.format import Format, texts
from llmops_assets.formats.pairs import list_of, object_tags, paired_tags

# The first that a url matches.
OPERATIONS = {
    "/chat/completions|/messages|/responses|:(stream)?generatecontent|/converse|/invoke": "chat",
    "/embeddings|/embed|:embedcontent|:batchembedcontents": "embedding",
    "/completions|/complete": "text_completion",
    "/images/": "image",
    "/audio/|/realtime": "audio",
    "/rerank": "rerank",
    "/moderations": "moderation",
}
NO_CALLS = "/(models|files|batches|fine_tuning|assistants|threads|vector_stores|prompts|feedback)([/?][^:]*)?$"


def _operation() -> str:
    cases = " ".join(f"when regexp_matches(portkey_url, '{path}') then '{name}'" for path, name in OPERATIONS.items())
    return f"case {cases} end"


def _tagged(*names: str) -> str:
    found = ", ".join(f"portkey_tags['{name}']" for name in names)
    return f"case when portkey_tags is not null then coalesce({found}, null) end"


_COST = "try_cast(portkey.cost as decimal(24, 12))"

FORMAT = Format(
    name="portkey",
    rank=30,
    detect="list_contains(keys, 'ai_org') and (list_contains(keys, 'ai_model') or list_contains(keys, 'req_units'))",
    struct=texts(
        "id",
        "trace_id",
        "created_at",
        "is_success",
        "ai_org",
        "ai_model",
        "req_units",
        "res_units",
        "total_units",
        "cost",
        "cost_currency",
        "request_url",
        "response_status_code",
        "response_time",
        "cache_status",
        "stream_mode",
        "mode",
        "config",
        "prompt_slug",
        "virtual_key",
        "metadata",
        "metadata.key",
        "metadata.value",
    ),
    steps=(
        {
            "url": "lower(portkey.request_url)",
            "keys": list_of('portkey."metadata.key"'),
            "values": list_of('portkey."metadata.value"'),
            "own_tags": object_tags("portkey.metadata"),
            "way": "case when coalesce(portkey.mode, portkey.prompt_slug) is not null then "
            "llm_clean_tags(map {'mode': nullif(portkey.mode, ''), "
            "'prompt_slug': nullif(portkey.prompt_slug, '')}) end",
        },
        {"pairs": paired_tags("portkey_keys", "portkey_values")},
        {"given": "llm_merged_tags(portkey_pairs, portkey_own_tags)"},
        {"tags": "llm_merged_tags(portkey_way, portkey_given)"},
    ),
    columns={
        "event_id": "portkey.id",
        "trace_id": "portkey.trace_id",
        "tenant_id": _tagged("tenant_id", "tenant", "_organisation"),
        "user_id": _tagged("_user", "user_id", "user"),
        "session_id": _tagged("session_id"),
        "api_key_id": "portkey.virtual_key",
        "feature": _tagged("feature"),
        "environment": _tagged("_environment", "environment", "env"),
        "config_id": "portkey.config",
        "tags": "portkey_tags",
        "provider": "portkey.ai_org",
        "model": "portkey.ai_model",
        "operation": _operation(),
        "is_call": f"not coalesce(regexp_matches(portkey_url, '{NO_CALLS}') "
        "and coalesce(try_cast(portkey.req_units as double), 0) = 0, false)",
        "streaming": "portkey.stream_mode",
        "cache_hit": "case when portkey.cache_status is not null then "
        "case when contains(upper(portkey.cache_status), 'HIT') then 'true' else 'false' end end",
        "tokens_input": "portkey.req_units",
        "tokens_output": "portkey.res_units",
        "tokens_total": "portkey.total_units",
        "started_at": "portkey.created_at",
        "latency_ms": "portkey.response_time",
        "success": "portkey.is_success",
        "status_code": "portkey.response_status_code",
        "cost": f"coalesce(cast({_COST} * cast(0.01 as decimal(3, 2)) as varchar), portkey.cost)",
        "cost_currency": "portkey.cost_currency",
        "zero_cost_is_missing": "true",
    },
)
