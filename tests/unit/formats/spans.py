"""Requests of the OpenTelemetry protocol to test with, as exporters write them."""

import base64
from typing import Any

from decoding import Row
from mutations import SECRET

TRACE = "5b8efff798038103d269b633813fc60c"
START = 1795189274560636908
# Longer than any name may be, for the tests that take the name of an attribute away.
MESSAGES = f'[{{"role": "user", "parts": [{{"type": "text", "content": "{SECRET}{" and so on" * 30}"}}]}}]'
CALL: Row = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.output.messages": MESSAGES,
    "gen_ai.headers": f"{{'x': '{SECRET}{'=' * 300}'}}",
}


def value(one: Any) -> Row:
    """A value as OTLP has it: whole numbers are text."""
    if isinstance(one, bool):
        return {"boolValue": one}
    if isinstance(one, int):
        return {"intValue": str(one)}
    if isinstance(one, float):
        return {"doubleValue": one}
    if isinstance(one, list):
        return {"arrayValue": {"values": [value(member) for member in one]}}
    return {"stringValue": one}


def attributes(values: Row) -> list[Row]:
    """A list of attributes."""
    return [{"key": key, "value": value(one)} for key, one in values.items()]


def span(span_id: str = "eee19b7ec3c1b174", values: Row = CALL, parent: str = "", **fields: Any) -> Row:
    """A span of 1.5 s; `fields` are those of OTLP."""
    return {
        "traceId": TRACE,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_500_000_000),
        "attributes": attributes({key: one for key, one in values.items() if one is not None}),
        "status": {},
        "flags": 256,
    } | fields


def request(*spans: Row, scope: str = "acme.instrumentation", resource: Row | None = None) -> Row:
    """One line with one resource and one scope."""
    resource = {"service.name": "assistant"} if resource is None else resource
    scopes = [{"scope": {"name": scope, "version": "1"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": scopes}]}


def base64_of(hexadecimal: str) -> str:
    """An id as protobuf's own JSON has it."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def snake_case(record: Any) -> Any:
    """The names of the .proto files."""
    if isinstance(record, list):
        return [snake_case(member) for member in record]
    if not isinstance(record, dict):
        return record
    return {"".join("_" + c.lower() if c.isupper() else c for c in key): snake_case(v) for key, v in record.items()}
