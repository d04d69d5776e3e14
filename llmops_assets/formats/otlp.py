"""Requests of the OpenTelemetry protocol as JSON (ExportTraceServiceRequest): a line holds resources, scopes and spans.

Belongs here: taking the spans out, each with what is known around it, and the attributes that are read at all.
What a span's attributes mean is up to the formats. A span becomes a flat object: the attributes it has of those
that are read under their own names, `otlp` with what every span has, `tags` with what is in no namespace of a
producer, `resource`, and `ancestors`: its parent, the parent's parent and the root of the trace, if they are in
the same line. Contents are in none of them. Names are in camel case, or as in the .proto files.
"""

from llmops_assets.formats.format import Envelope, texts

TENANT = ("tenant.id", "tenant_id", "tenant")
USER = ("user.id", "user_id", "traceloop.association.properties.user_id", "langfuse.user.id")
END_USER = ("enduser.id", "gen_ai.user", "llm.user")
SESSION = (
    "session.id", "session_id", "gen_ai.conversation.id", "traceloop.association.properties.session_id",
    "langfuse.session.id",
)  # fmt: skip
FEATURE = ("feature", "feature.name")
ENVIRONMENT = ("deployment.environment.name", "deployment.environment", "environment", "langfuse.environment")
ATTRIBUTION = (*TENANT, *USER, *END_USER, *SESSION, *FEATURE, *ENVIRONMENT)
"""Looked for in the span, in its ancestors and in the resource."""

PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor")
REQUESTED = ("gen_ai.request.model", "llm.request.model_name", "llm.request.model")
SERVED = ("gen_ai.response.model", "llm.response.model_name", "llm.response.model", "llm.model_name")
OPERATION = ("gen_ai.operation.name", "llm.request.type")
STREAMING = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming")
TIER = (
    "openai.response.service_tier", "gen_ai.openai.response.service_tier", "anthropic.response.service_tier",
    "openai.request.service_tier", "gen_ai.openai.request.service_tier",
)  # fmt: skip
FINISH = (
    "gen_ai.response.finish_reasons", "gen_ai.completion.0.finish_reason", "llm.response.finish_reason",
    "llm.response.stop_reason", "anthropic.message.stop_reason",
)  # fmt: skip
STATUS_CODE = ("http.response.status_code", "http.status_code")
INPUT = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt",
)  # fmt: skip
OUTPUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens",
    "llm.token_count.completion",
)  # fmt: skip
TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")
CACHE_READ = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens",
    "gen_ai.usage.details.cache_read_input_tokens", "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cached_input_tokens", "gen_ai.usage.cached_tokens", "llm.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)  # fmt: skip
CACHE_WRITE = (
    "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens", "gen_ai.usage.input_tokens.cache_write",
    "llm.usage.cache_creation_input_tokens", "llm.token_count.prompt_details.cache_write",
)  # fmt: skip
CACHE_WRITE_1H = ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",)
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
    "gen_ai.usage.output_tokens.reasoning", "llm.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)  # fmt: skip
AUDIO_INPUT = ("llm.token_count.prompt_details.audio", "gen_ai.usage.details.input_audio_tokens")
AUDIO_OUTPUT = ("llm.token_count.completion_details.audio", "gen_ai.usage.details.output_audio_tokens")
CALLS = (
    *PROVIDER, *REQUESTED, *SERVED, *OPERATION, *STREAMING, *TIER, *FINISH, *STATUS_CODE, *INPUT, *OUTPUT, *TOTAL,
    *CACHE_READ, *CACHE_WRITE, *CACHE_WRITE_1H, *REASONING, *AUDIO_INPUT, *AUDIO_OUTPUT,
    "gen_ai.response.id", "llm.response.id", "gen_ai.request.temperature", "llm.request.temperature", "error.type",
    "openinference.span.kind", "traceloop.span.kind",
)  # fmt: skip
LANGFUSE = tuple(
    f"langfuse.observation.{name}"
    for name in (
        "type", "model.name", "model.parameters", "usage_details", "cost_details", "completion_start_time", "level",
        "status_message", "metadata.langfuse_user_id", "metadata.langfuse_session_id", "metadata.langfuse_tags",
        "metadata.finish_reason",
    )
)  # fmt: skip
LANGFUSE_TAGS = "langfuse.trace.tags"
READ = tuple(dict.fromkeys((*CALLS, *ATTRIBUTION, *LANGFUSE, LANGFUSE_TAGS)))
OF_RESOURCES = (*ATTRIBUTION, "service.name", "service.namespace")
# The first parts of names that producers use for what is no tag, and contents wherever they are.
NAMESPACES = (
    "gen_ai", "llm", "langfuse.(?:internal|version|release|trace.(?:input|output|tags|name))",
    "langfuse.observation.(?:input|output|type|model|usage_details|cost_details|completion_start_time|level|"
    "status_message|prompt)",
    "openai", "anthropic", "aws", "azure", "gcp", "cohere", "input", "output", "openinference", "embedding",
    "retrieval", "reranker", "tool", "tool_call", "message", "messages", "document", "metadata",
    "traceloop.(?:entity|span)",
    "http", "url", "server", "client", "net", "network", "rpc", "db", "messaging", "code", "thread", "exception",
    "error", "otel", "telemetry", "process", "host", "os", "k8s", "container", "cloud", "faas", "peer", "user_agent",
    "logfire", "browser", "event",
)  # fmt: skip

SPAN = texts("otlp")
RECORD: dict[str, object] = {
    "otlp": {
        **texts("traceId", "spanId", "parentSpanId", "kind", "start", "end", "scope"),
        "status": texts("code", "message"),
    },
    "tags": "VARCHAR",
    "resource": texts(*OF_RESOURCES),
    "ancestors": [texts(*ATTRIBUTION, "tags")],
}
"""The struct of what every span has beside its attributes."""


def _pattern(names: tuple[str, ...]) -> str:
    """A pattern for these names, quoted as in JSON."""
    return '"(' + "|".join(name.replace(".", r"\.") for name in names) + ')"'


_VALUES = ", ".join(
    f'"{name}": "JSON"'
    for kind in ("string", "int", "double", "bool", "array")
    for name in (f"{kind}Value", f"{kind}_value")
)
_ATTRIBUTES = f'"attributes": [{{"key": "JSON", "value": {{{_VALUES}}}}}]'
_SPAN = (
    '{"traceId": "VARCHAR", "spanId": "VARCHAR", "parentSpanId": "VARCHAR", "startTimeUnixNano": "JSON", '
    '"endTimeUnixNano": "JSON", "trace_id": "VARCHAR", "span_id": "VARCHAR", "parent_span_id": "VARCHAR", '
    '"start_time_unix_nano": "JSON", "end_time_unix_nano": "JSON", "kind": "JSON", "status": "JSON", '
    f"{_ATTRIBUTES}}}"
)
_SCOPE = f'[{{"scope": {{"name": "JSON"}}, "spans": [{_SPAN}]}}]'
_RESOURCE = (
    f'[{{"resource": {{{_ATTRIBUTES}}}, "scopeSpans": {_SCOPE}, "scope_spans": {_SCOPE}, '
    f'"instrumentationLibrarySpans": {_SCOPE}}}]'
)
_REQUEST = f'{{"resourceSpans": {_RESOURCE}, "resource_spans": {_RESOURCE}}}'
_TAG_NAMES = '^"(?:' + "|".join(name.replace(".(", r"\.(") for name in NAMESPACES) + f')["._]|^{_pattern(ATTRIBUTION)}$'

_RECORDS = f"""
with resources as (
    select place, unnest(coalesce(request.resourceSpans, request.resource_spans)) as one
    from (select place, json_transform(text, '{_REQUEST}') as request from opened)
),
scopes as (
    select
        place, llm_otlp_attributes(one.resource.attributes, '{_pattern(OF_RESOURCES)}') as resource,
        unnest(coalesce(one.scopeSpans, one.scope_spans, one.instrumentationLibrarySpans)) as one
    from resources
),
found as (
    select place, resource, one.scope.name as scope, unnest(one.spans) as span
    from scopes
),
spans as materialized (
    select
        place, row_number() over () as number, resource, scope,
        llm_otlp_id(coalesce(span.traceId, span.trace_id)) as trace_id,
        llm_otlp_id(coalesce(span.spanId, span.span_id)) as span_id,
        llm_otlp_id(coalesce(span.parentSpanId, span.parent_span_id)) as parent_id,
        coalesce(span.startTimeUnixNano, span.start_time_unix_nano) as started,
        coalesce(span.endTimeUnixNano, span.end_time_unix_nano) as ended,
        span.kind as kind, span.status as status, span.attributes is null
            and concat(trace_id, span_id, started, ended, span.kind, span.status) = '' as is_empty,
        concat_ws(
            ',', nullif(llm_otlp_attributes(span.attributes, '{_pattern(READ)}'), ''),
            '"tags":{{' || coalesce(llm_otlp_other_attributes(span.attributes, '{_TAG_NAMES}'), '') || '}}'
        ) as members
    from found
),
numbered as (
    select number, row_number() over (partition by place order by number) - 1 as record_index
    from spans
),
parents as (
    select place, trace_id, span_id, arg_min(parent_id, number) as parent_id, arg_min(members, number) as members
    from spans
    where span_id is not null
    group by all
),
roots as (
    select place, trace_id, arg_min(span_id, number) as span_id, arg_min(members, number) as members
    from spans
    where parent_id is null and span_id is not null
    group by all
)
select
    s.place, n.record_index,
    case when s.is_empty then '{{}}' else concat(
        '{{"otlp":{{"traceId":', coalesce(to_json(s.trace_id), 'null'),
        ',"spanId":', coalesce(to_json(s.span_id), 'null'),
        ',"parentSpanId":', coalesce(to_json(s.parent_id), 'null'),
        ',"kind":', coalesce(s.kind, 'null'),
        ',"start":', coalesce(s.started, 'null'),
        ',"end":', coalesce(s.ended, 'null'),
        ',"scope":', coalesce(s.scope, 'null'),
        ',"status":',
        coalesce(s.status, 'null'), '}},"resource":{{', s.resource, '}},"ancestors":[', concat_ws(
            ',', '{{' || one.members || '}}', '{{' || two.members || '}}',
            case when r.span_id is distinct from s.span_id and r.span_id is distinct from one.span_id
                and r.span_id is distinct from two.span_id then '{{' || r.members || '}}' end
        ), '],', s.members, '}}'
    ) end as text
from spans as s
inner join numbered as n on s.number = n.number
left join parents as one on s.place = one.place and s.trace_id = one.trace_id and s.parent_id = one.span_id
left join parents as two on s.place = two.place and s.trace_id = two.trace_id and one.parent_id = two.span_id
left join roots as r on s.place = r.place and s.trace_id = r.trace_id"""

_LEVELS = (("resourceSpans", "scopeSpans", "spans"), ("resource_spans", "scope_spans", "spans"))


def _reason(levels: tuple[str, ...]) -> str:
    """What a list is not, or an object has twice, on the way to the spans, would be lost without a word.

    Every question is a pass over the text; the first is asked only of a line without any scopes.
    """
    resources, scopes, spans = (f"$.{'[*].'.join(levels[: depth + 1])}" for depth in range(len(levels)))
    is_list = f"len(json_type(text, '{scopes}')) > 0 or json_type(text, '{resources}') = 'ARRAY'"
    no_lists = " or ".join(
        f"len(list_filter(json_type(text, '{path}'), lambda x: x <> 'ARRAY')) > 0" for path in (scopes, spans)
    )
    twice = " or ".join(f"llm_has_repeated_keys(text, '{path}[*]')" for path in (resources, scopes, spans))
    return f"case when not ({is_list}) or {no_lists} then 'bad_type' when {twice} then 'duplicate_key' end"


REQUEST = Envelope(
    name="otlp",
    detect="list_contains(keys, 'resourceSpans') or list_contains(keys, 'resource_spans')",
    records=_RECORDS,
    reason=f"case when contains(text, '\"resourceSpans\"') then {_reason(_LEVELS[0])} else {_reason(_LEVELS[1])} end",
)


def attributed(record: str, names: tuple[str, ...]) -> str:
    """SQL of the first of `names` in the span itself, then in its ancestors, then in its resource."""
    places = (record, *(f"{record}.ancestors[{number}]" for number in (1, 2, 3)), f"{record}.resource")
    return "coalesce(" + ", ".join(f'{place}."{name}"' for place in places for name in names) + ")"
