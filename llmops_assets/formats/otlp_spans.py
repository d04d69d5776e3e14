"""GenAI spans of OpenTelemetry, as OTLP/JSON or protobuf's plain JSON, many to a line (`otlp.REQUEST`).

Conventions. Input includes cache reads and writes, output includes reasoning. No costs are read. Times are
nanoseconds of the epoch. Names of attributes are the semantic conventions' own, the older ones (gen_ai.system,
prompt_tokens), OpenInference's and OpenLLMetry's. Only spans of a call to a model are calls: not agents, tools,
chains, workflows, an application's spans, nor the server's side of a call. The event's id is the trace's and the
response's, so that two instrumentations of one call meet in one event, else the trace's and the span's. Session,
user, tenant and feature are those of the span, its ancestors in the same line, or its resource; a tenant or
feature under a name of the application's own (`acme.feature`) is taken where no common name is there. Two
producers are known never to report cached tokens: unknown, and flagged. `openai` as the provider may only name
the client: a model that is another's has its provider from the model. Contents are never read.
"""

from llmops_assets.formats import otlp
from llmops_assets.formats.format import Format, first_of, texts

NO_CALLS = "agent|tool|workflow|retriev|plan|evaluat|memory|guardrail"
UNREPORTING = "^opentelemetry[.](instrumentation[.]openai_v2|util[.]genai)"
# Sides of a call other than the client's; what states none may be one.
OTHER_KINDS = "^(2|4|5|SPAN_KIND_SERVER|SPAN_KIND_PRODUCER|SPAN_KIND_CONSUMER)$"
ANCESTORS = (1, 2, 3)


def _first(*names: str) -> str:
    return first_of("otlp_spans", *names)


def _own_name(word: str) -> str:
    """SQL of the tag `<anything>.<word>`, of the span or the nearest ancestor; found in the JSON of the tags."""
    nearest = "".join(f", otlp_spans.ancestors[{number}].tags" for number in ANCESTORS)
    found = f"""regexp_extract(concat_ws(' ', otlp_spans.tags{nearest}), '[._]{word}(?:[._]id)?":"([^"\\\\]+)"', 1)"""
    return f"nullif({found}, '')"


def _tag_maps() -> dict[str, str]:
    """The tags of a call and of its ancestors as maps, NULL where there are none; those of other spans cost as much."""
    texts_of = {"own": "otlp_spans.tags"} | {f"from_{n}": f"otlp_spans.ancestors[{n}].tags" for n in ANCESTORS}
    return {
        f"{name}_map": f"case when otlp_spans_call and {text} <> '{{}}' then llm_map({text}) end"
        for name, text in texts_of.items()
    }


def _cleaned_maps() -> dict[str, str]:
    texts_of = {"own": "otlp_spans.tags"} | {f"from_{n}": f"otlp_spans.ancestors[{n}].tags" for n in ANCESTORS}
    return {
        f"{name}_tags": f"case when otlp_spans_{name}_map is not null "
        f"then llm_object_tags({text}, otlp_spans_{name}_map) end"
        for name, text in texts_of.items()
    }


_REQUESTED, _PROVIDER = _first(*otlp.REQUESTED), _first(*otlp.PROVIDER)
_NAMED = 'lower(otlp_spans."gen_ai.operation.name")'
_CACHE = _first(*otlp.CACHE_READ, *otlp.CACHE_WRITE)
_IS_CALL = (
    "case "
    f"when coalesce(regexp_matches(otlp_spans.otlp.kind, '{OTHER_KINDS}'), false) then false "
    'when otlp_spans."openinference.span.kind" is not null '
    "then regexp_matches(upper(otlp_spans.\"openinference.span.kind\"), '^(LLM|EMBEDDING|RERANKER)$') "
    'when otlp_spans."traceloop.span.kind" is not null then false '
    f"when {_NAMED} is not null then llm_operation({_NAMED}) is not null "
    f"or (otlp_spans_requested is not null and not regexp_matches({_NAMED}, '{NO_CALLS}')) "
    'when otlp_spans."llm.request.type" is not null then true '
    f"else otlp_spans_provider is not null and coalesce(otlp_spans_requested, otlp_spans_served, otlp_spans_input) "
    "is not null end"
)

FORMAT = Format(
    name="otlp_spans",
    rank=30,
    envelope=otlp.REQUEST,
    detect="list_contains(keys, 'otlp') and list_contains(keys, 'ancestors')",
    struct={**texts(*otlp.CALLS, *otlp.ATTRIBUTION), **otlp.RECORD},
    steps=(
        {
            "provider": _PROVIDER,
            "requested": _REQUESTED,
            "served": _first(*otlp.SERVED),
            "input": _first(*otlp.INPUT),
            "response": f"llm_scalar({_first('gen_ai.response.id', 'llm.response.id')})",
            "failed": 'case when otlp_spans.otlp.status.code is not null or otlp_spans."error.type" is not null '
            'then otlp_spans."error.type" is not null '
            "or regexp_matches(otlp_spans.otlp.status.code, '^(2|STATUS_CODE_ERROR)$') end",
        },
        {"call": f"nullif({_IS_CALL}, false)"},
        {
            "service": 'case when otlp_spans_call and llm_scalar(otlp_spans.resource."service.name") is not null '
            "then map {'service.name': llm_tag_value(otlp_spans.resource.\"service.name\")} end",
            **_tag_maps(),
        },
        _cleaned_maps(),
        {"tags_3": "llm_merged_tags(otlp_spans_service, otlp_spans_from_3_tags)"},
        {"tags_2": "llm_merged_tags(otlp_spans_tags_3, otlp_spans_from_2_tags)"},
        {"tags_1": "llm_merged_tags(otlp_spans_tags_2, otlp_spans_from_1_tags)"},
        {"tags": "llm_merged_tags(otlp_spans_tags_1, otlp_spans_own_tags)"},
    ),
    columns={
        "event_id": "nullif(concat_ws('|', otlp_spans.otlp.\"traceId\", "
        "coalesce(otlp_spans_response, otlp_spans.otlp.\"spanId\")), '')",
        "trace_id": 'otlp_spans.otlp."traceId"',
        "tenant_id": f"coalesce({otlp.attributed('otlp_spans', otlp.TENANT)}, {_own_name('tenant')})",
        "user_id": otlp.attributed("otlp_spans", otlp.USER),
        "end_user_id": otlp.attributed("otlp_spans", otlp.END_USER),
        "session_id": otlp.attributed("otlp_spans", otlp.SESSION),
        "feature": f"coalesce({otlp.attributed('otlp_spans', otlp.FEATURE)}, {_own_name('feature')})",
        "environment": otlp.attributed("otlp_spans", otlp.ENVIRONMENT),
        "tags": "otlp_spans_tags",
        "has_repeated_tag": "coalesce(otlp_spans_call and otlp_spans.tags <> '{}' and otlp_spans_own_map is null "
        "and json_valid(otlp_spans.tags), false)",
        "provider": "case when lower(otlp_spans_provider) = 'openai' "
        "and llm_inferred_provider(coalesce(otlp_spans_served, otlp_spans_requested)) <> 'openai' then null "
        "else otlp_spans_provider end",
        # A name that was only asked for may be a deployment's, where the provider has such.
        "model": "coalesce(otlp_spans_served, case when llm_inferred_provider(otlp_spans_requested) is not null "
        "or not regexp_matches(lower(otlp_spans_provider), 'openai|azure') then otlp_spans_requested end)",
        "requested_model": "otlp_spans_requested",
        "operation": f"coalesce({_first(*otlp.OPERATION)}, "
        "case upper(otlp_spans.\"openinference.span.kind\") when 'EMBEDDING' then 'embedding' "
        "when 'RERANKER' then 'rerank' end)",
        "is_call": "coalesce(otlp_spans_call, false)",
        "streaming": _first(*otlp.STREAMING),
        "service_tier": _first(*otlp.TIER),
        "tokens_input": "otlp_spans_input",
        "tokens_cache_read": _first(*otlp.CACHE_READ),
        "tokens_cache_write": _first(*otlp.CACHE_WRITE, *otlp.CACHE_WRITE_1H),
        "tokens_cache_write_1h": _first(*otlp.CACHE_WRITE_1H),
        "tokens_output": _first(*otlp.OUTPUT),
        "tokens_reasoning": _first(*otlp.REASONING),
        "tokens_audio_input": _first(*otlp.AUDIO_INPUT),
        "tokens_audio_output": _first(*otlp.AUDIO_OUTPUT),
        "tokens_total": _first(*otlp.TOTAL),
        "is_cache_unreported": f"coalesce(regexp_matches(otlp_spans.otlp.scope, '{UNREPORTING}') "
        f"and otlp_spans_input is not null and {_CACHE} is null and not contains({_NAMED}, 'embed'), false)",
        "started_at": "otlp_spans.otlp.start",
        "ended_at": 'otlp_spans.otlp."end"',
        "temperature": _first("gen_ai.request.temperature", "llm.request.temperature"),
        "success": "case when otlp_spans_failed then 'false' "
        "when otlp_spans.otlp.\"spanId\" is not null then 'true' end",
        "status_code": _first(*otlp.STATUS_CODE),
        "error_code": 'case when otlp_spans_failed then otlp_spans."error.type" end',
        "error_message": "case when otlp_spans_failed then otlp_spans.otlp.status.message end",
        "finish_reason": f"llm_otlp_first({_first(*otlp.FINISH)})",
    },
)
