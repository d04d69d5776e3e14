"""Azure's diagnostic log of an OpenAI or AI Services resource: its category RequestResponse.

Conventions. `correlationId` and time together are the event's id. The log states no tokens and no cost: a
success is a call of unknown usage. Times are ISO 8601, or .NET ticks of 100 ns since the year 1; `requestTime`
of the properties is the start where it is there, else `time`. `durationMs` is the latency. `properties` is an
object or JSON in a text. `modelDeploymentName` is what was asked for; the model is `modelName` and, where it
looks like one, its version. `resultSignature` is the HTTP status. Only operations of a model are calls: threads,
files, lists and the categories of other logs are not. `objectId` is the user who was signed in; `Tenant` is
Azure's own, a region, and no tenant.
"""

from llmops_assets.formats.format import Format, Structure, parsed, texts

PROPERTIES: Structure = texts(
    "requestTime", "responseTime", "objectId", "streamType", "modelDeploymentName", "modelName", "modelVersion"
)
# What an operation's name says, in lower case and without underscores; the first that matches.
OPERATIONS = {
    "chatcompletions": "chat",
    "responsescreate|createresponse$|createmodelresponse": "chat",
    "completions": "text_completion",
    "embeddings": "embedding",
    "imagegeneration|images?(generate|create|edit)": "image",
    "transcription|translation|speech|realtime": "audio",
    "rerank": "rerank",
}
ADMINISTRATION = "(get|list|delete|cancel|update)$|^(get|list|delete|cancel|update)"
# 621355968000000000 ticks lie between the year 1 and 1970; what is no number of such a size is another time.
EPOCH_TICKS = 621_355_968_000_000_000


def _operation() -> str:
    cases = " ".join(
        f"when regexp_matches(azure_diagnostic_name, '{words}') then '{operation}'"
        for words, operation in OPERATIONS.items()
    )
    return f"case when regexp_matches(azure_diagnostic_name, '{ADMINISTRATION}') then null {cases} end"


def _time(text: str) -> str:
    """SQL of a time as text, ticks as microseconds of the epoch."""
    ticks = f"try_cast({text} as bigint)"
    return f"case when {ticks} >= {EPOCH_TICKS} then cast(({ticks} - {EPOCH_TICKS}) // 10 as varchar) else {text} end"


def _said(name: str) -> str:
    return f"nullif(trim(azure_diagnostic_said.{name}), '')"


_MODEL, _VERSION = _said("modelName"), _said("modelVersion")

FORMAT = Format(
    name="azure_diagnostic",
    rank=30,
    detect="list_contains(keys, 'operationName') and list_contains(keys, 'category') "
    "and (list_contains(keys, 'correlationId') or list_contains(keys, 'resourceId'))",
    struct=texts(
        "time",
        "category",
        "operationName",
        "correlationId",
        "durationMs",
        "resultSignature",
        "location",
        "resourceId",
        "properties",
    ),
    steps=(
        {
            "name": "replace(lower(trim(azure_diagnostic.\"operationName\")), '_', '')",
            "said": parsed("azure_diagnostic.properties", PROPERTIES),
            "place": 'case when coalesce(azure_diagnostic.location, azure_diagnostic."resourceId") is not null then '
            "llm_clean_tags(map {'azure_location': azure_diagnostic.location, 'azure_resource': "
            "lower(nullif(regexp_extract(azure_diagnostic.\"resourceId\", '^/.*?([^/]+)/?$', 1), ''))}) end",
        },
        {
            "operation": _operation(),
            "is_version": f"regexp_matches({_VERSION}, '^(turbo-)?[0-9]{{4}}(-[0-9]{{2}}-[0-9]{{2}})?(-[Pp]review)?$')",
        },
    ),
    columns={
        "event_id": "case when azure_diagnostic.\"correlationId\" <> '' then "
        "concat_ws('|', llm_scalar(azure_diagnostic.\"correlationId\"), llm_scalar(azure_diagnostic.time)) end",
        "request_id": 'azure_diagnostic."correlationId"',
        "user_id": _said("objectId"),
        "tags": "azure_diagnostic_place",
        "provider": "case when azure_diagnostic_operation is not null then 'azure' end",
        "model": f"case when azure_diagnostic_is_version and not suffix({_MODEL}, {_VERSION}) "
        f"then llm_scalar({_MODEL}) || '-' || lower({_VERSION}) else {_MODEL} end",
        "requested_model": _said("modelDeploymentName"),
        "operation": "azure_diagnostic_operation",
        "is_call": "azure_diagnostic_operation is not null "
        "and coalesce(lower(azure_diagnostic.category) = 'requestresponse', false)",
        "streaming": f"case lower({_said('streamType')}) "
        "when 'streaming' then 'true' when 'non-streaming' then 'false' end",
        "started_at": f"coalesce({_time(_said('requestTime'))}, {_time('azure_diagnostic.time')})",
        "ended_at": _time(_said("responseTime")),
        "latency_ms": 'azure_diagnostic."durationMs"',
        "status_code": "nullif(trim(azure_diagnostic.\"resultSignature\"), '')",
    },
)
