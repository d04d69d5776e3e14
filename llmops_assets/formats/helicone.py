"""Helicone's requests: rows of its ClickHouse table, or objects of its request API.

Conventions. `request_id` is the event's id. Input includes cache reads and writes; versions that count them
apart are told where they exceed the input, and added. Output includes reasoning, unless `reasoning_tokens` is
stated beside it, which Helicone leaves out of `completion_tokens`: only a total of the other two says that it is
inside. `cost` of a row is a whole number of 1e-9 US dollars, that of an object dollars, as is one with a fraction
and `costUSD`; all are estimates, 0 where Helicone knew no price. Times are naive UTC. The status is HTTP's, or
Helicone's own: -2 is pending, -3 cancelled, -4 a threat that was stopped. A row that refers to another as its
cache's source is a hit of the cache; an id of zeros refers to none. Properties are an object, or parallel lists
`properties.key` and `properties.value`, also as JSON in a text; a session is the property `Helicone-Session-Id`.
What was done follows from the path. Bodies are not read.
"""

from llmops_assets.formats.format import Format, counted, first_of, texts, total
from llmops_assets.formats.pairs import list_of, object_tags, paired_tags
from llmops_assets.formats.portkey import OPERATIONS

NAMES = {
    "event_id": ("request_id",),
    "user_id": ("user_id", "request_user_id", "helicone_user"),
    "api_key_id": ("proxy_key_id",),
    "provider": ("provider",),
    "model": ("model", "response_model", "model_override", "request_model"),
    "requested_model": ("request_model",),
    "tokens_cache_read": ("prompt_cache_read_tokens",),
    "tokens_cache_write": ("prompt_cache_write_tokens",),
    "tokens_audio_input": ("prompt_audio_tokens",),
    "tokens_reasoning": ("reasoning_tokens",),
    "tokens_audio_output": ("completion_audio_tokens",),
    "tokens_total": ("total_tokens",),
    "started_at": ("request_created_at",),
    "ended_at": ("response_created_at",),
    "latency_ms": ("latency", "delay_ms"),
    "time_to_first_token_ms": ("time_to_first_token",),
}
OTHER_NAMES = (
    "prompt_tokens",
    "completion_tokens",
    "status",
    "response_status",
    "cost",
    "costUSD",
    "cache_reference_id",
    "properties",
    "request_properties",
    "properties.key",
    "properties.value",
    "request_path",
    "target_url",
)
NO_REFERENCE = "00000000-0000-0000-0000-000000000000"


def _operation() -> str:
    cases = " ".join(f"when regexp_matches(helicone_path, '{path}') then '{name}'" for path, name in OPERATIONS.items())
    return f"case {cases} end"


def _tagged(*names: str) -> str:
    found = ", ".join(f"helicone_tags['{name}']" for name in names)
    return f"case when helicone_tags is not null then coalesce({found}, null) end"


_PROMPT, _COMPLETION, _REASONING = (
    f"helicone.{name}" for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens")
)
_CACHE = ("helicone.prompt_cache_read_tokens", "helicone.prompt_cache_write_tokens")
_CACHED = " + ".join(f"coalesce({counted(name)}, 0)" for name in _CACHE)
# Names that only the objects of the API have.
_IS_OBJECT = "coalesce(helicone.response_status, helicone.delay_ms, helicone.request_properties) is not null"
_STATUS = first_of("helicone", "status", "response_status")
_DOUBLE = "try_cast(helicone.cost as double)"
# A decimal times a decimal, because DuckDB's division would go through double.
_NANO_DOLLARS = "cast(try_cast(helicone.cost as decimal(28, 0)) * cast(0.000000001 as decimal(10, 9)) as varchar)"

FORMAT = Format(
    name="helicone",
    rank=30,
    detect="list_contains(keys, 'request_created_at') and list_contains(keys, 'request_id')",
    struct=texts(*dict.fromkeys(name for names in NAMES.values() for name in names), *OTHER_NAMES),
    steps=(
        {
            "path": f"lower({first_of('helicone', 'request_path', 'target_url')})",
            "status": f"trim({_STATUS})",
            "reference": "trim(helicone.cache_reference_id)",
            "keys": list_of('helicone."properties.key"'),
            "values": list_of('helicone."properties.value"'),
            "own_tags": object_tags("helicone.properties"),
            "asked_tags": object_tags("helicone.request_properties"),
        },
        {
            "pairs": paired_tags("helicone_keys", "helicone_values"),
            "given": "llm_merged_tags(helicone_own_tags, helicone_asked_tags)",
        },
        {"tags": "llm_merged_tags(helicone_pairs, helicone_given)"},
    ),
    columns={
        **{field: first_of("helicone", *names) for field, names in NAMES.items()},
        "tenant_id": _tagged("tenant_id", "tenant", "Tenant"),
        "session_id": _tagged("Helicone-Session-Id", "session_id"),
        "feature": _tagged("feature", "Feature"),
        "environment": _tagged("environment", "Environment", "env"),
        "tags": "helicone_tags",
        "operation": _operation(),
        "cache_hit": "case when helicone_reference is not null then case when helicone_reference <> '' "
        f"and helicone_reference <> '{NO_REFERENCE}' and helicone_reference is distinct from helicone.request_id "
        "then 'true' else 'false' end end",
        "status": "case helicone_status when '-2' then null when '-3' then 'cancelled' else "
        "case when starts_with(helicone_status, '-') then 'error' end end",
        "status_code": "case when starts_with(helicone_status, '-') or helicone_status = '0' then null "
        "else helicone_status end",
        "error_code": "case helicone_status when '-4' then 'threat' end",
        "error_detail": "case helicone_status when '-4' then 'guardrail' end",
        "tokens_input": f"case when try({_CACHED}) > {counted(_PROMPT)} then {total(_PROMPT, *_CACHE)} "
        f"else {_PROMPT} end",
        "tokens_output": f"case when {counted('helicone.total_tokens')} = try({counted(_PROMPT)} + "
        f"{counted(_COMPLETION)}) then {_COMPLETION} else {total(_COMPLETION, _REASONING)} end",
        "cost": f"""coalesce(helicone."costUSD", case when not ({_IS_OBJECT}) and {_DOUBLE} = trunc({_DOUBLE}) """
        f"then {_NANO_DOLLARS} end, helicone.cost)",
        "zero_cost_is_missing": "true",
    },
)
