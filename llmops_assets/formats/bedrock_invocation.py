"""Amazon Bedrock's model invocation log, as it is delivered to S3 or CloudWatch: one object per call.

Conventions. `requestId` is the event's id. `inputTokenCount` excludes cache reads and writes, which are added
here; output includes reasoning. There is no cost. Times are ISO 8601 with Z. `modelId` is a model's id, a
cross-region profile (`us.`, `eu.`, `global.` … give the scope), or an ARN of either; the ARN of an application
profile, a provisioned model or a router hides its model and is what was asked for. Streaming follows from the
operation. An `errorCode` is the name of an exception, whose HTTP status Bedrock documents; without one the
call was a success. Latency, finish reason and tier are in the body of a Converse reply, and absent in those
of streams. The caller is `identity.arn`: the role or user is the key, the session's or user's name the user,
unless `requestMetadata` says who; its entries are tags. Of the bodies nothing else is read.
"""

from llmops_assets.formats.format import Format, texts, total

_INPUT = "bedrock_invocation.input"
_BODY = "bedrock_invocation.output.outputBodyJson"
_ARN = "bedrock_invocation.identity.arn"
# As the API reference of each exception says; what it says of a model's own failure is no status of the call.
STATUS_OF = {
    "AccessDeniedException": 403,
    "ModelNotReadyException": 429,
    "ModelTimeoutException": 408,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}
OF_THE_MODEL = ("ModelErrorException", "ModelStreamErrorException")
# What InvokeModel does follows from the model; that of an opaque profile is unknown.
OPERATIONS = {
    "embed": "embedding",
    "rerank": "rerank",
    "image|canvas|stability|stable-": "image",
    "nova-reel|luma|video|pegasus": "video",
    "sonic": "audio",
}


def _status() -> str:
    names = ", ".join(f"'{name}': '{status}'" for name, status in STATUS_OF.items())
    return f"map {{{names}}}[bedrock_invocation_error]"


def _operation() -> str:
    """SQL of the operation: Converse is a chat, InvokeModel what its model does."""
    of_models = " ".join(
        f"when regexp_matches(bedrock_invocation_model, '{pattern}') then '{operation}'"
        for pattern, operation in OPERATIONS.items()
    )
    is_opaque = "regexp_matches(bedrock_invocation_model, '^arn:.*:(application-|provisioned-|custom-|imported-)')"
    return (
        f"case when starts_with(bedrock_invocation.operation, 'Converse') then 'chat' {of_models} "
        f"when bedrock_invocation_model is null or {is_opaque} then null else 'chat' end"
    )


def _tagged(*names: str) -> str:
    """SQL of the first of `names` in the request's metadata."""
    found = ", ".join(f"bedrock_invocation_given['{name}']" for name in names)
    return f"case when bedrock_invocation_given is not null then coalesce({found}, null) end"


FORMAT = Format(
    name="bedrock_invocation",
    rank=25,
    detect="list_contains(keys, 'modelId') and (list_contains(keys, 'schemaType') "
    "or (list_contains(keys, 'requestId') and list_contains(keys, 'accountId')))",
    struct={
        **texts(
            "schemaType",
            "timestamp",
            "accountId",
            "region",
            "requestId",
            "operation",
            "modelId",
            "errorCode",
            "requestMetadata",
        ),
        "identity": texts("arn"),
        "input": texts("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
        "output": {
            "outputTokenCount": "VARCHAR",
            "outputBodyJson": {
                **texts("stopReason", "stop_reason"),
                "metrics": texts("latencyMs"),
                "serviceTier": texts("type"),
            },
        },
    },
    steps=(
        {
            "error": "nullif(trim(bedrock_invocation.\"errorCode\"), '')",
            "model": 'lower(bedrock_invocation."modelId")',
            "map": 'llm_map(bedrock_invocation."requestMetadata")',
            "place": 'case when coalesce(bedrock_invocation."accountId", bedrock_invocation.region) is not null then '
            "llm_clean_tags(map {'aws_account': bedrock_invocation.\"accountId\", "
            "'aws_region': bedrock_invocation.region}) end",
        },
        {"given": 'llm_object_tags(bedrock_invocation."requestMetadata", bedrock_invocation_map)'},
        {"tags": "llm_merged_tags(bedrock_invocation_place, bedrock_invocation_given)"},
    ),
    columns={
        "event_id": 'bedrock_invocation."requestId"',
        "tenant_id": _tagged("tenant_id", "tenant"),
        # arn:aws:iam::…:user/alice and arn:aws:sts::…:assumed-role/chat-api/alice@acme.example
        "user_id": f"coalesce({_tagged('user_id', 'user')}, "
        f"nullif(regexp_extract({_ARN}, '^arn:[^/]*:(?:user|assumed-role/[^/]+)/(.+)$', 1), ''))",
        "session_id": _tagged("session_id"),
        "api_key_id": f"regexp_replace({_ARN}, '^(arn:[^/]*:assumed-role/[^/]+)/.*$', '\\1')",
        "feature": _tagged("feature"),
        "environment": _tagged("environment", "env"),
        "tags": "bedrock_invocation_tags",
        "has_repeated_tag": "starts_with(bedrock_invocation.\"requestMetadata\", '{') "
        'and bedrock_invocation_map is null and json_valid(bedrock_invocation."requestMetadata")',
        "provider": "case when bedrock_invocation.\"modelId\" is not null then 'bedrock' end",
        "model": 'bedrock_invocation."modelId"',
        "operation": _operation(),
        "is_call": "coalesce(bedrock_invocation.\"schemaType\" = 'ModelInvocationLog', true)",
        "streaming": "case when bedrock_invocation.operation is not null then "
        "case when contains(bedrock_invocation.operation, 'Stream') then 'true' else 'false' end end",
        "service_tier": f"{_BODY}.serviceTier.type",
        "tokens_input": total(
            f"{_INPUT}.inputTokenCount", f"{_INPUT}.cacheReadInputTokenCount", f"{_INPUT}.cacheWriteInputTokenCount"
        ),
        "tokens_cache_read": f"{_INPUT}.cacheReadInputTokenCount",
        "tokens_cache_write": f"{_INPUT}.cacheWriteInputTokenCount",
        "tokens_output": "bedrock_invocation.output.outputTokenCount",
        "started_at": "bedrock_invocation.timestamp",
        "latency_ms": f"{_BODY}.metrics.latencyMs",
        "status": "case when bedrock_invocation_error is not null then 'error' "
        "when bedrock_invocation.\"requestId\" is not null then 'success' end",
        "error_code": "bedrock_invocation_error",
        "status_code": _status(),
        "error_detail": f"case bedrock_invocation_error when '{OF_THE_MODEL[0]}' then 'server error' "
        f"when '{OF_THE_MODEL[1]}' then 'server error' end",
        "finish_reason": f"coalesce({_BODY}.stopReason, {_BODY}.stop_reason)",
    },
)
