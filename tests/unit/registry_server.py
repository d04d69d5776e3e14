"""A schema registry that answers as Confluent's does, with a few schemas that refer to others, for tests."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
USAGE = {"type": "record", "name": "Usage", "namespace": "acme", "fields": [{"name": "tokens", "type": "long"}]}
WITH_USAGE = {
    "type": "record",
    "name": "Measured",
    "fields": [{"name": "id", "type": "string"}, {"name": "usage", "type": "acme.Usage"}],
}
JSON_CALL = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "cost": {"type": "number"}},
    "required": ["id"],
}
JSON_WITH_USAGE = {"type": "object", "properties": {"usage": {"$ref": "usage.json"}}, "required": ["usage"]}
JSON_USAGE = {"type": "object", "properties": {"tokens": {"type": "integer"}}, "required": ["tokens"]}

Field = descriptor_pb2.FieldDescriptorProto


def _message(into: Any, name: str, *fields: tuple[str, Any]) -> Any:
    """A message whose fields are numbered from 1; a text for a type is the name of a message."""
    message = into.add(name=name)
    for number, (field, kind) in enumerate(fields, 1):
        declared = {"type": Field.TYPE_MESSAGE, "type_name": kind} if isinstance(kind, str) else {"type": kind}
        message.field.add(name=field, number=number, label=Field.LABEL_OPTIONAL, **declared)
    return message


def _calls() -> str:
    """`message Call {string id = 1; int64 tokens = 2;}` and nothing else."""
    file = descriptor_pb2.FileDescriptorProto(name="call.proto", syntax="proto3")
    _message(file.message_type, "Call", ("id", Field.TYPE_STRING), ("tokens", Field.TYPE_INT64))
    return _serialized(file)


def _events() -> str:
    """`Ignored {string x}`; `Event {string id; acme.Usage usage; Timestamp at}` and in it `Error {string code}`."""
    file = descriptor_pb2.FileDescriptorProto(name="events.proto", syntax="proto3", package="acme.events")
    file.dependency.extend(["acme/usage.proto", "google/protobuf/timestamp.proto"])
    _message(file.message_type, "Ignored", ("x", Field.TYPE_STRING))
    fields = ("id", Field.TYPE_STRING), ("usage", ".acme.Usage"), ("at", ".google.protobuf.Timestamp")
    event = _message(file.message_type, "Event", *fields)
    _message(event.nested_type, "Error", ("code", Field.TYPE_STRING))
    return _serialized(file)


def _usage() -> str:
    """`package acme; message Usage {int64 tokens = 1;}`."""
    file = descriptor_pb2.FileDescriptorProto(name="usage.proto", syntax="proto3", package="acme")
    _message(file.message_type, "Usage", ("tokens", Field.TYPE_INT64))
    return _serialized(file)


WHOLE_CALL = {
    "type": "record",
    "name": "WholeCall",
    "fields": [
        *({"name": name, "type": "string"} for name in ("event_id", "timestamp", "provider", "model")),
        *({"name": name, "type": "long"} for name in ("input_tokens", "output_tokens")),
        {"name": "usage", "type": "acme.Usage"},
    ],
}


def _whole_calls() -> str:
    """`Batch`, and in it the message of a whole call."""
    file = descriptor_pb2.FileDescriptorProto(name="whole.proto", syntax="proto3", package="acme")
    file.dependency.append("google/protobuf/timestamp.proto")
    texts = [(name, Field.TYPE_STRING) for name in ("event_id", "provider", "model")]
    counts = [(name, Field.TYPE_INT64) for name in ("input_tokens", "output_tokens")]
    batch = _message(file.message_type, "Batch", ("name", Field.TYPE_STRING))
    _message(batch.nested_type, "Call", *texts, *counts, ("timestamp", ".google.protobuf.Timestamp"))
    return _serialized(file)


def avro_call(fields: dict[str, Any]) -> bytes:
    """A call of schema 11."""
    import fastavro

    named: dict[str, Any] = {}
    fastavro.parse_schema(USAGE, named_schemas=named)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(WHOLE_CALL, named_schemas=named), fields)
    return buffer.getvalue()


def protobuf_call(name: str, provider: str, model: str, tokens_input: int, tokens_output: int, at: datetime) -> bytes:
    """A call of schema 12, with its place: two numbers (4), of message 0 the nested message 0."""
    seconds = int(at.timestamp())
    varint = bytes((seconds >> shift & 0x7F) | (0x80 if shift < 28 else 0) for shift in range(0, 35, 7))
    texts = b"".join(
        bytes([key, len(text)]) + text.encode() for key, text in ((0x0A, name), (0x12, provider), (0x1A, model))
    )
    stamp = b"\x08" + varint
    return b"\x04\x00\x00" + texts + bytes([0x20, tokens_input, 0x28, tokens_output, 0x32, len(stamp)]) + stamp


def _needing_more() -> str:
    """A file that imports one which the registry does not know."""
    file = descriptor_pb2.FileDescriptorProto(name="more.proto", syntax="proto3", dependency=["other/lost.proto"])
    return _serialized(file)


def _serialized(file: Any) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


def _refers(name: str, subject: str) -> list[dict[str, Any]]:
    return [{"name": name, "subject": subject, "version": 1}]


# Confluent's registry leaves schemaType out for Avro, and gives Protobuf as its source unless asked for descriptors.
SCHEMAS: dict[int, dict[str, Any]] = {
    1: {"schema": json.dumps(AVRO)},
    2: {"schema": json.dumps(JSON_CALL), "schemaType": "JSON"},
    3: {"schema": _calls(), "schemaType": "PROTOBUF"},
    4: {"schema": json.dumps(WITH_USAGE), "references": _refers("acme.Usage", "usage-avro")},
    5: {"schema": _events(), "schemaType": "PROTOBUF", "references": _refers("acme/usage.proto", "usage-proto")},
    6: {
        "schema": json.dumps(JSON_WITH_USAGE),
        "schemaType": "JSON",
        "references": _refers("usage.json", "usage-json"),
    },
    7: {"schema": _needing_more(), "schemaType": "PROTOBUF"},
    8: {"schema": json.dumps(WITH_USAGE), "references": _refers("acme.Usage", "lost")},
    11: {"schema": json.dumps(WHOLE_CALL), "references": _refers("acme.Usage", "usage-avro")},
    12: {"schema": _whole_calls(), "schemaType": "PROTOBUF"},
    10: {"schema": json.dumps(WITH_USAGE), "references": _refers("acme.Usage", "broken")},
}
SUBJECTS: dict[str, dict[str, Any]] = {
    "usage-avro": {"schema": json.dumps(USAGE)},
    "usage-proto": {"schema": _usage(), "schemaType": "PROTOBUF"},
    "usage-json": {"schema": json.dumps(JSON_USAGE), "schemaType": "JSON"},
}


class _Registry(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        self.asked.append(self.path)
        parts = asked.path.strip("/").split("/")
        found = self._version(parts[1]) if parts[0] == "subjects" else SCHEMAS.get(int(parts[-1]))
        if (
            found
            and found.get("schemaType") == "PROTOBUF"
            and "serialized" not in parse_qs(asked.query).get("format", ())
        ):
            found = found | {"schema": 'syntax = "proto3";'}
        missing = {"error_code": 40403, "message": "Schema not found"}
        is_broken = parts[-1] == "500" or parts[1] == "broken"
        broken = {"error_code": 50001, "message": "store"}
        self.send_response(500 if is_broken else 200 if found else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.end_headers()
        self.wfile.write(json.dumps(broken if is_broken else found or missing).encode())

    def _version(self, subject: str) -> dict[str, Any] | None:
        """The only version of a subject."""
        known = SUBJECTS.get(subject)
        number = 100 + list(SUBJECTS).index(subject) if known else 0
        return known and known | {"subject": subject, "version": 1, "id": number}

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
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def framed(number: int, content: bytes) -> bytes:
    """A value as Confluent's serialisers write it."""
    return b"\0" + number.to_bytes(4, "big") + content
