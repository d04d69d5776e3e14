"""A schema registry that answers as Confluent's does, with three schemas, for tests."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

AVRO = {
    "type": "record",
    "name": "Call",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "cost", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 6}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}


def _descriptor() -> str:
    """A message `Call {string id = 1; int64 tokens = 2;}` as a registry gives it."""
    file = descriptor_pb2.FileDescriptorProto(name="call.proto", syntax="proto3")
    message = file.message_type.add(name="Call")
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(name="id", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    message.field.add(name="tokens", number=2, type=field.TYPE_INT64, label=field.LABEL_OPTIONAL)
    return base64.b64encode(file.SerializeToString()).decode()


SCHEMAS = {
    1: {"schema": json.dumps(AVRO), "schemaType": "AVRO"},
    2: {"schema": '{"type": "object"}', "schemaType": "JSON"},
    3: {"schema": _descriptor(), "schemaType": "PROTOBUF"},
}


class _Registry(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        number = int(self.path.partition("?")[0].rpartition("/")[2])
        self.asked.append(self.path)
        found = SCHEMAS.get(number)
        missing = {"error_code": 40403, "message": "Schema not found"}
        broken = {"error_code": 50001, "message": "store"}
        self.send_response(500 if number == 500 else 200 if found else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.end_headers()
        self.wfile.write(json.dumps(broken if number == 500 else found or missing).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def asked() -> list[str]:
    """Paths that the registry was asked for."""
    return []


@pytest.fixture
def registry(asked: list[str]) -> Iterator[str]:
    """The address of a registry."""
    handler = type("Handler", (_Registry,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def framed(number: int, content: bytes) -> bytes:
    """A value as Confluent's serialisers write it."""
    return b"\0" + number.to_bytes(4, "big") + content
