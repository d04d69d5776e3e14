"""The flat shapes: a gateway's request log, a nine-field and a thirteen-field usage log, an eleven-column stream.

Belongs here: field names, units and what each shape cannot say. Made-up values only.
"""

from llmops_assets.generator.catalogue import FAILURE_BY_NAME, PEOPLE
from llmops_assets.generator.record import Dirty, Fields, Record, iso, total, usage, uuid, without_none
from llmops_assets.generator.traffic import Call

FUTURE_US = 3 * 24 * 3_600_000_000
"""Further ahead than any clock skew: three days."""


def request_log(call: Call) -> Record:
    """The gateway handbook's request: tags, micro-dollars, HTTP status; its request id names one attempt."""
    tokens = usage(call)
    tags = {
        "tenantSlug": call.tenant,
        "userId": f"user_{call.user:03d}",
        "feature": call.feature,
        "sessionId": f"sess_{call.session:05d}",
    }
    fields: Fields = {
        "requestId": uuid(call.call_id),
        "timestamp": iso(call.at_us),
        "configId": f"cfg_{call.feature}",
        "variantId": f"var_{call.session % 2}",
        "environment": call.environment,
        "provider": call.provider,
        "model": call.model_name,
        "promptTokens": tokens[0],
        "completionTokens": tokens[1],
        "totalTokens": total(tokens),
        "cachedTokens": call.tokens_cached or None if tokens[0] is not None else None,
        **_micro_dollars(call, stated=tokens[0] is not None),
        "latencyMs": call.latency_ms,
        "statusCode": 200 if call.succeeded else FAILURE_BY_NAME[call.outcome].status_code,
        "streaming": call.streaming,
        **_ending(call),
        "metadata" if call.session % 4 == 0 else "tags": tags,
    }
    return Record(without_none(fields), call, "request_log", *tokens, call.tenant, has_id=True)


def _micro_dollars(call: Call, *, stated: bool) -> Fields:
    """Cost as one whole number, or split in two with fractions."""
    cost = call.cost_usd
    if cost is None or not stated:
        return {}
    if call.session % 5:
        return {"costMicroDollars": max(1, round(cost * 1e6))}
    output = round(call.tokens_output * call.model.output_usd, 3)
    whole = round(cost * 1e6, 3)
    return {"cost": {"input": round(whole - output, 3), "output": output, "total": whole}}


def _ending(call: Call) -> Fields:
    if call.succeeded:
        return {"finish_reason": call.finish}
    failure = FAILURE_BY_NAME[call.outcome]
    status = "cancelled" if call.outcome == "cancelled" else "error"
    return {"status": status, "error_code": failure.code, "error_message": failure.message}


def nine_fields(call: Call) -> Record:
    """Tinybird's tutorial: no id, no tenant, naive UTC seconds, tokens always stated."""
    usual = (call.tokens_input, call.tokens_output)
    failure = FAILURE_BY_NAME.get(call.outcome)
    fields: Fields = {
        "event_time": iso(call.at_us, zone="")[:19].replace("T", " "),
        "model_name": call.model_name,
        "prompt_tokens": usual[0],
        "completion_tokens": usual[1],
        "total_tokens": sum(usual),
        "cost": round(call.cost_usd or 0.0, 6),
        "latency": float(call.latency_ms),
        "success": int(call.succeeded),
        "error_message": "" if failure is None else f"Error code: {failure.status_code} - {failure.message}",
    }
    return Record(fields, call, "nine_fields", *usual, None, has_id=False)


def thirteen_fields(call: Call) -> Record:
    """RisingWave's tutorial: users but no tenant; its request id names one attempt.

    Only a timeout or a broken server leaves tokens out: there is no HTTP status that would tell a refused
    call, which costs nothing, from one that was served.
    """
    tokens = usage(call, always_stated=call.outcome == "rate_limit")
    fields: Fields = {
        "request_id": f"req_{call.call_id[:20]}",
        "user_id": f"user_{PEOPLE[call.user % len(PEOPLE)]}",
        "model": call.model_name,
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "total_tokens": total(tokens),
        "latency_ms": call.latency_ms,
        "status": "success" if call.succeeded else "error",
        "error_code": None if call.succeeded else FAILURE_BY_NAME[call.outcome].code,
        "finish_reason": call.finish or None,
        "temperature": (0.0, 0.2, 0.7, 1.0)[call.session % 4],
        "cost_usd": None if tokens[0] is None else call.cost_usd,
        "logged_at": iso(call.at_us, zone="+00:00"),
    }
    return Record(fields, call, "thirteen_fields", *tokens, None, has_id=True)


def eleven_columns(call: Call, *, with_ids: bool = True) -> Record:
    """The Flink job's topic: tokens are stated for failures too; ids are an extra of most producers."""
    tokens = usage(call, always_stated=True)
    ids: Fields = {"event_id": f"evt_{call.call_id}", "request_id": f"req_{call.request_id}"} if with_ids else {}
    fields: Fields = {
        **ids,
        "tenant_id": call.tenant,
        "provider": call.provider,
        "model": call.model_name,
        "event_type": "chat",
        "cache_hit": call.cache_hit,
        "tokens_input": tokens[0],
        "tokens_output": tokens[1],
        "latency_ms": call.latency_ms,
        "cost_usd": _stream_cost(call),
        "success": call.succeeded,
        "timestamp": iso(call.at_us),
    }
    return Record(fields, call, "eleven_columns", *tokens, call.tenant, has_id=with_ids)


def _stream_cost(call: Call) -> float | None:
    """The stream states no cached tokens, so that its producer prices the whole prompt at the full rate."""
    if call.usage_missing or call.unknown_model:
        return None
    if call.cache_hit:
        return 0.0
    return round((call.tokens_input * call.model.input_usd + call.tokens_output * call.model.output_usd) / 1e6, 9)


DIRTY = {
    "request_log": Dirty("timestamp", "promptTokens", lambda call: iso(call.at_us + FUTURE_US), 0),
    "thirteen_fields": Dirty(
        "logged_at", "prompt_tokens", lambda call: iso(call.at_us + FUTURE_US), "1999-12-31T23:59:59Z"
    ),
    "eleven_columns": Dirty(
        "timestamp", "tokens_input", lambda call: (call.at_us + FUTURE_US) // 1000, "1970-01-01T00:00:01Z"
    ),
}
"""Shapes whose records can be spoilt field by field."""
