"""What Langfuse's SDK sends: OTLP/JSON spans with `langfuse.observation.type`, whatever their kind.

Conventions. Only observations of the types generation and embedding are calls. Usage, cost and parameters are
JSON inside of text; which keys the usage has says what it includes (`langfuse`). The cost is US dollars and an
estimate, its total may exceed the sum of input and output. Times are nanoseconds of the epoch, the first token's
is quoted ISO with Z. The event's id is the observation's, which is the span's, as in Langfuse's exports. User,
session and tags are JSON among the metadata, or attributes of the span, its ancestors and its resource; all other
metadata are tags. Level ERROR is a failure; its HTTP status is in the text of its message. No provider is stated.
"""

from llmops_assets.formats import langfuse, otlp
from llmops_assets.formats.format import Format, texts

_KEY = 'langfuse_otlp."langfuse.observation.{}"'
_TYPE = f"upper({_KEY.format('type')})"
_MESSAGE = f"coalesce({_KEY.format('status_message')}, langfuse_otlp.otlp.status.message)"
_USED = ("gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model", "gen_ai.response.model")


def _literal(structure: object) -> str:
    """A structure for from_json; it holds names only."""
    return "'" + str(structure).replace("'", '"') + "'"


def _metadata(name: str) -> str:
    return f"llm_unquoted({_KEY.format('metadata.' + name)})"


FORMAT = Format(
    name="langfuse_otlp",
    rank=25,
    envelope=otlp.REQUEST,
    detect="list_contains(keys, 'otlp') and list_contains(keys, 'langfuse.observation.type')",
    struct={**texts(*otlp.LANGFUSE, otlp.LANGFUSE_TAGS, *otlp.ATTRIBUTION, *_USED), **otlp.RECORD},
    steps=(
        {
            "usage_text": f"llm_object_text({_KEY.format('usage_details')})",
            "cost_text": f"llm_object_text({_KEY.format('cost_details')})",
            "parameters": f"try(from_json(llm_object_text({_KEY.format('model.parameters')}), "
            f"{_literal(texts('temperature', 'service_tier'))}))",
            "failed": f"case when {_KEY.format('level')} is not null or langfuse_otlp.otlp.status.code is not null "
            f"then coalesce(upper({_KEY.format('level')}) = 'ERROR', false) "
            "or coalesce(regexp_matches(langfuse_otlp.otlp.status.code, '^(2|STATUS_CODE_ERROR)$'), false) end",
            "labels": f'coalesce({_KEY.format("metadata.langfuse_tags")}, langfuse_otlp."{otlp.LANGFUSE_TAGS}")',
            "map": "case when langfuse_otlp.tags <> '{}' then llm_map(langfuse_otlp.tags) end",
        },
        {
            "usage": f"from_json(langfuse_otlp_usage_text, {_literal(langfuse.USAGE)})",
            "cost": f"from_json(langfuse_otlp_cost_text, {_literal(langfuse.COST)})",
            "list_tags": "case when starts_with(langfuse_otlp_labels, '[') "
            "then llm_list_tags(try(from_json(langfuse_otlp_labels, '[\"VARCHAR\"]'))) end",
            "metadata": "case when langfuse_otlp_map is not null then llm_clean_tags(map_concat("
            "llm_langfuse_entries(langfuse_otlp_map, 'langfuse.trace.metadata.'), "
            "llm_langfuse_entries(langfuse_otlp_map, 'langfuse.observation.metadata.'))) end",
        },
        {"tags": "llm_merged_tags(langfuse_otlp_list_tags, langfuse_otlp_metadata)"},
    ),
    columns={
        "event_id": 'langfuse_otlp.otlp."spanId"',
        "trace_id": 'langfuse_otlp.otlp."traceId"',
        "tenant_id": otlp.attributed("langfuse_otlp", otlp.TENANT),
        "user_id": f"coalesce({_metadata('langfuse_user_id')}, {otlp.attributed('langfuse_otlp', otlp.USER)})",
        "session_id": f"coalesce({_metadata('langfuse_session_id')}, {otlp.attributed('langfuse_otlp', otlp.SESSION)})",
        "feature": f"coalesce({otlp.attributed('langfuse_otlp', otlp.FEATURE)}, langfuse_otlp_tags['feature'])",
        "environment": otlp.attributed("langfuse_otlp", otlp.ENVIRONMENT),
        "tags": "langfuse_otlp_tags",
        "has_repeated_tag": "coalesce(llm_twice_named(langfuse_otlp_usage_text), false) "
        "or coalesce(llm_twice_named(langfuse_otlp_cost_text), false) "
        "or coalesce(langfuse_otlp.tags <> '{}' and langfuse_otlp_map is null "
        "and json_valid(langfuse_otlp.tags), false)",
        "provider": 'coalesce(langfuse_otlp."gen_ai.provider.name", langfuse_otlp."gen_ai.system")',
        "model": f'coalesce({_KEY.format("model.name")}, langfuse_otlp."gen_ai.response.model", '
        'langfuse_otlp."gen_ai.request.model")',
        "requested_model": 'langfuse_otlp."gen_ai.request.model"',
        "operation": f"case {_TYPE} when 'EMBEDDING' then 'embedding' when 'GENERATION' then 'chat' end",
        "is_call": f"coalesce(regexp_matches({_TYPE}, '{langfuse.CALLS}'), false)",
        "service_tier": "langfuse_otlp_parameters.service_tier",
        **langfuse.usage_columns("langfuse_otlp_usage"),
        "cost": langfuse.total_cost("langfuse_otlp_cost"),
        "zero_cost_is_missing": "true",
        "started_at": "langfuse_otlp.otlp.start",
        "ended_at": 'langfuse_otlp.otlp."end"',
        "first_token_at": f"llm_unquoted({_KEY.format('completion_start_time')})",
        "temperature": "langfuse_otlp_parameters.temperature",
        "success": "case when langfuse_otlp_failed then 'false' "
        "when langfuse_otlp.otlp.\"spanId\" is not null then 'true' end",
        "error_message": f"case when langfuse_otlp_failed then {_MESSAGE} end",
        "finish_reason": _metadata("finish_reason"),
    },
)
