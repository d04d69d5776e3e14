"""Calls under OpenTelemetry's instrumentations: each export as protobuf JSON, one a line on standard output.

The instrumentation of OpenAI is OpenTelemetry's own, that of Anthropic is OpenLLMetry's. Ids are base64 in
protobuf's JSON; with `--hex` they are as in OTLP/JSON.
"""

import base64
import json
import sys
from contextlib import suppress

import anthropic
import openai
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from provider import provider

MESSAGES = [{"role": "user", "content": "Hej?"}]


def hexed(span: dict[str, str]) -> None:
    """Ids as OTLP/JSON writes them."""
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in span:
            span[name] = base64.b64decode(span[name]).hex()


def calls(address: str) -> None:
    """Whole, streamed and failed chats, an embedding, and a message."""
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="sk-none", max_retries=0)
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    options = {"include_usage": True}
    list(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options=options))
    client.embeddings.create(model="text-embedding-3-small", input="Hej?")
    with suppress(openai.RateLimitError):
        client.chat.completions.create(model="broken", messages=MESSAGES)
    claude = anthropic.Anthropic(base_url=address, api_key="sk-none", max_retries=0)
    claude.messages.create(model="claude-sonnet-4-5-20250929", max_tokens=100, messages=MESSAGES)


exporter = InMemorySpanExporter()
tracing = TracerProvider(resource=Resource.create({"service.name": "app", "tenant.id": "acme"}))
tracing.add_span_processor(SimpleSpanProcessor(exporter))
OpenAIInstrumentor().instrument(tracer_provider=tracing)
AnthropicInstrumentor().instrument(tracer_provider=tracing)
with provider() as address, tracing.get_tracer("app").start_as_current_span("answer"):
    calls(address)
request = MessageToDict(encode_spans(exporter.get_finished_spans()))
if "--hex" in sys.argv:
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                hexed(span)
sys.stdout.write(json.dumps(request) + "\n")
