"""Calls under the Langfuse SDK: what it sends over OTLP, as protobuf JSON, one export a line on standard output."""

import gzip
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from provider import provider

exports: list[dict[str, object]] = []


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.endswith("/v1/traces"):
            exports.append(MessageToDict(ExportTraceServiceRequest.FromString(body)))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
os.environ |= {
    "LANGFUSE_HOST": f"http://127.0.0.1:{collector.server_port}",
    "LANGFUSE_BASE_URL": f"http://127.0.0.1:{collector.server_port}",
    "LANGFUSE_PUBLIC_KEY": "pk-none",
    "LANGFUSE_SECRET_KEY": "sk-none",
}

from langfuse import get_client  # noqa: E402 - it reads the environment
from langfuse.openai import OpenAI  # noqa: E402

MESSAGES = [{"role": "user", "content": "Hej?"}]
langfuse = get_client()
with provider() as address:
    client = OpenAI(base_url=f"{address}/v1", api_key="sk-none", max_retries=0)
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    options = {"include_usage": True}
    list(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options=options))
    observed = langfuse.start_as_current_observation
    model = "claude-sonnet-4-5-20250929"
    with observed(as_type="span", name="answer"), observed(as_type="generation", name="by-hand", model=model) as made:
        usage = {"input": 20, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300, "output": 60}
        made.update(usage_details=usage, cost_details={"total": 0.0042})
    langfuse.flush()
for export in exports:
    sys.stdout.write(json.dumps(export) + "\n")
