"""Langfuse's observations as its API and its exports give them: JSON, JSONL, CSV or Parquet, pages of the API too.

Conventions. Only observations of the types GENERATION and EMBEDDING are calls. Names are in camel case (API) or
snake case (exports). `usageDetails` says by its keys what it includes (`langfuse`): Langfuse takes cached tokens out
of `input` and reasoning out of `output`. The older `usage`, `promptTokens` and `completionTokens` are totals, and of no
use where their unit is not tokens. The cost is Langfuse's own estimate in US dollars. Times are ISO with Z, or text
without an offset, which is UTC. A latency is not read, because its unit changed from seconds to milliseconds: it is
end minus start. The event's id is the observation's, as on the SDK's wire. Objects may be JSON inside of text.
Tags and metadata are tags; tenant and feature are looked for there. Inputs and outputs are never read.
"""

from llmops_assets.formats import langfuse
from llmops_assets.formats.format import Envelope, Format, first_of, listed, texts

NAMES = {
    "trace_id": ("traceId", "trace_id"),
    "user_id": ("userId", "user_id"),
    "session_id": ("sessionId", "session_id"),
    "started_at": ("startTime", "start_time"),
    "ended_at": ("endTime", "end_time"),
    "first_token_at": ("completionStartTime", "completion_start_time"),
    "model": ("model", "providedModelName", "provided_model_name"),
}
USAGE = ("usageDetails", "usage_details")
COST_DETAILS = ("costDetails", "cost_details")
COST = ("totalCost", "total_cost", "calculatedTotalCost", "calculated_total_cost")
MESSAGE = ("statusMessage", "status_message")
PARAMETERS = ("modelParameters", "model_parameters")
TOTALS = {"input": ("promptTokens", "prompt_tokens"), "output": ("completionTokens", "completion_tokens")}
OF_OBSERVATIONS = (
    "level", *USAGE, *COST_DETAILS, "parentObservationId", "parent_observation_id", *PARAMETERS,
    "providedModelName", "provided_model_name", "completionStartTime", "completion_start_time",
)  # fmt: skip

PAGE = Envelope(
    name="langfuse_page",
    detect="len(keys) = 2 and list_contains(keys, 'data') and list_contains(keys, 'meta')",
    records=listed('json_transform(text, \'{"data": ["JSON"]}\').data'),
    reason="case when json_type(text, '$.data') <> 'ARRAY' then 'bad_type' end",
)


def _first(*names: str) -> str:
    return first_of("langfuse_observations", *names)


def _has(*names: str) -> str:
    return "(" + " or ".join(f"list_contains(keys, '{name}')" for name in names) + ")"


def _read(text: str, structure: dict[str, object]) -> str:
    names = str(structure).replace("'", '"')
    return f"from_json(langfuse_observations_{text}, '{names}')"


_LEGACY = "langfuse_observations.usage"
_UNIT = f"coalesce(upper({_LEGACY}.unit) <> 'TOKENS', false)"
_USAGE = langfuse.usage_columns("langfuse_observations_usage")


def _counted(field: str) -> str:
    """The details' count; without any details, an older total."""
    totals = f"{_LEGACY}.{field}, {_first(*TOTALS[field])}"
    older = f"case when langfuse_observations_usage_text is null and not {_UNIT} then coalesce({totals}) end"
    return f"coalesce({_USAGE[f'tokens_{field}']}, {older})"


FORMAT = Format(
    name="langfuse_observations",
    rank=40,
    envelope=PAGE,
    detect=f"list_contains(keys, 'id') and list_contains(keys, 'type') and {_has(*NAMES['trace_id'])} "
    f"and {_has(*NAMES['started_at'], *NAMES['ended_at'])} and {_has(*OF_OBSERVATIONS)}",
    struct={
        **texts("id", "type", "environment", "level", "metadata", "tags", *MESSAGE, *COST, *USAGE, *COST_DETAILS),
        **texts(*(name for names in NAMES.values() for name in names), *PARAMETERS),
        **texts(*(name for names in TOTALS.values() for name in names)),
        "usage": texts("input", "output", "unit"),
    },
    steps=(
        {
            "usage_text": f"llm_object_text({_first(*USAGE)})",
            "cost_text": f"llm_object_text({_first(*COST_DETAILS)})",
            "parameters_text": f"llm_object_text({_first(*PARAMETERS)})",
            "failed": "upper(langfuse_observations.level) = 'ERROR'",
            "map": "llm_map(langfuse_observations.metadata)",
            "list_tags": "case when starts_with(langfuse_observations.tags, '[') "
            "then llm_list_tags(try(from_json(langfuse_observations.tags, '[\"VARCHAR\"]'))) end",
        },
        {
            "usage": _read("usage_text", langfuse.USAGE),
            "cost": _read("cost_text", langfuse.COST),
            "parameters": _read("parameters_text", texts("temperature", "service_tier")),
            "metadata_tags": "case when langfuse_observations_map is not null "
            "then llm_object_tags(langfuse_observations.metadata, langfuse_observations_map) end",
        },
        {"tags": "llm_merged_tags(langfuse_observations_list_tags, langfuse_observations_metadata_tags)"},
    ),
    columns={
        **{field: _first(*names) for field, names in NAMES.items()},
        "event_id": "langfuse_observations.id",
        "tenant_id": "coalesce(langfuse_observations_tags['tenant_id'], langfuse_observations_tags['tenant'])",
        "feature": "langfuse_observations_tags['feature']",
        "environment": "langfuse_observations.environment",
        "tags": "langfuse_observations_tags",
        "has_repeated_tag": "coalesce(llm_twice_named(langfuse_observations_usage_text), false) "
        "or coalesce(llm_twice_named(langfuse_observations_cost_text), false) "
        "or coalesce(starts_with(langfuse_observations.metadata, '{') and langfuse_observations_map is null "
        "and json_valid(langfuse_observations.metadata), false)",
        "operation": "case upper(langfuse_observations.type) when 'EMBEDDING' then 'embedding' "
        "when 'GENERATION' then 'chat' end",
        "is_call": f"coalesce(regexp_matches(upper(langfuse_observations.type), '{langfuse.CALLS}'), false)",
        "service_tier": "langfuse_observations_parameters.service_tier",
        **_USAGE,
        "tokens_input": _counted("input"),
        "tokens_output": _counted("output"),
        "cost": f"coalesce({_first(*COST)}, {langfuse.total_cost('langfuse_observations_cost')})",
        "zero_cost_is_missing": "true",
        "temperature": "langfuse_observations_parameters.temperature",
        "success": "case when langfuse_observations_failed then 'false' "
        "when langfuse_observations.id is not null then 'true' end",
        "error_message": f"case when langfuse_observations_failed then {_first(*MESSAGE)} end",
    },
)
