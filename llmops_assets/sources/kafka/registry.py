"""Values in Confluent's framing (a zero, four bytes of schema id, the content) as JSON text, through a schema registry.

The library's client keeps the registry's answers and its deserialisers do the work. JSON's own text is taken as it
stands, so that no number passes through a float; amounts of Avro become quoted text for the same reason. A value
without the framing is left as it is.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.configuration import secret

FRAME_BYTES = 5
NOT_FOUND = 404
Content = Callable[[bytes], bytes]


class Undecodable(Exception):
    """A value that is no record; the reason is one of the closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Registry:
    """The schemas of one source. Call it with a value."""

    def __init__(self, source: KafkaSettings) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient

        self.source = source
        user, password = secret(source, "registry_username_env"), secret(source, "registry_password_env")
        access = {} if user is None else {"basic.auth.user.info": f"{user}:{password or ''}"}
        settings = {"url": source.registry_url} | access
        self._client = SchemaRegistryClient(settings)
        # Answers are kept by id and not by format, so that descriptors have a client of their own.
        self._descriptors = SchemaRegistryClient(settings)
        self._known: dict[int, Content | None] = {}

    def __call__(self, value: bytes) -> bytes:
        """The value as JSON text.

        Raises:
            Undecodable: its schema is unknown, or it is not what its schema says.
            SourceError: the registry cannot be reached, or refuses.
        """
        if value[:1] != b"\0" or len(value) <= FRAME_BYTES:
            return value
        number = int.from_bytes(value[1:FRAME_BYTES], "big")
        if number not in self._known:
            self._known[number] = self._looked_up(number)
        content = self._known[number]
        if content is None:
            raise Undecodable("unknown_format")
        try:
            return content(value)
        except Exception as error:  # whatever a deserialiser of a broken value raises; its schema is at hand
            raise Undecodable("bad_encoding") from error

    def _looked_up(self, number: int) -> Content | None:
        """How values of a schema are read; None if the registry does not know it."""
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            return self._content(number)
        except SchemaRegistryError as error:
            if error.http_status_code == NOT_FOUND:
                return None
            raise self._error(f"{error.http_status_code}: {error.error_message}") from error
        except Exception as error:  # the HTTP client's own, of which the library names no class
            raise self._error(str(error)) from error

    def _error(self, why: str) -> SourceError:
        return SourceError(
            f"source {self.source.name}: schema registry {self.source.registry_url} does not answer ({why}); "
            "check registry_url and its user"
        )

    def _content(self, number: int) -> Content | None:
        kind = self._client.get_schema(number).schema_type
        kinds: dict[str, Callable[[], Content | None]] = {
            "JSON": lambda: lambda value: value[FRAME_BYTES:],
            "AVRO": self._avro,
            "PROTOBUF": lambda: self._protobuf(number),
        }
        return kinds[kind or "AVRO"]()

    def _avro(self) -> Content:
        from confluent_kafka.schema_registry.avro import AvroDeserializer

        deserialize: Any = AvroDeserializer(self._client)
        return lambda value: json.dumps(deserialize(value), default=_text).encode()

    def _protobuf(self, number: int) -> Content | None:
        """How messages of a file are read: the first of the file, of a file that needs only Protobuf's own."""
        from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
        from google.protobuf import json_format, message_factory

        schema = self._descriptors.get_schema(number, fmt="serialized")
        first = _first_message(b64decode(schema.schema_str or ""))
        if first is None:
            return None
        deserialize: Any = ProtobufDeserializer(
            message_factory.GetMessageClass(first), {"use.deprecated.format": False}, self._client
        )

        def content(value: bytes) -> bytes:
            if value[FRAME_BYTES] != 0:  # the place of the message in its file: 0 is short for the first
                raise ValueError("not the first message of its file")
            message = deserialize(value)
            return str(json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)).encode()

        return content


def _text(value: Any) -> str:
    """A value that JSON lacks, as text."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _first_message(serialized: bytes) -> Any:
    """The descriptor of a file's first message; None if the file needs others that are not Protobuf's own."""
    from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

    file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
    file.name = file.name or "value.proto"
    pool = descriptor_pool.DescriptorPool()
    for own in (duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(own.DESCRIPTOR.serialized_pb)
    try:
        pool.AddSerializedFile(file.SerializeToString())
    except TypeError:
        return None
    return next(iter(pool.FindFileByName(file.name).message_types_by_name.values()), None)
