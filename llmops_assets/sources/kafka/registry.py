"""Values in Confluent's framing (a zero, four bytes of schema id, the content) as JSON text, through a schema registry.

The library's client keeps the registry's answers and its deserialisers do the work. JSON is held against its schema
and its own text is taken as it stands, so that no number passes through a float; amounts of Avro become quoted text
for the same reason. A value without the framing is left as it is.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.configuration import secret
from llmops_assets.sources.kafka.protobuf import Messages

FRAME_BYTES = 5
NOT_FOUND = 404
SERIALIZED = "serialized"
"""The form in which a registry gives Protobuf as descriptors."""
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
        from referencing.exceptions import Unresolvable

        try:
            return content(value)
        except Unresolvable as error:  # a JSON schema that refers to what its registry does not have
            raise Undecodable("unknown_format") from error
        except Exception as error:  # whatever a deserialiser of a broken value raises; its schemas are at hand
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
        schema = self._client.get_schema(number)
        if schema.schema_type == "PROTOBUF":
            return self._protobuf(number)
        # What a schema refers to is asked for now: while values are decoded, a silent registry would make them rejects.
        for _ in _referenced(self._client, schema):
            pass
        return self._json() if schema.schema_type == "JSON" else self._avro()

    def _json(self) -> Content:
        """The value's own text, of which the library only sees whether it is what its schema says."""
        from confluent_kafka.schema_registry.json_schema import JSONDeserializer

        if not self.source.registry_validate:
            return lambda value: value[FRAME_BYTES:]
        settings = {"subject.name.strategy": lambda *_: None}
        validate: Any = JSONDeserializer(None, schema_registry_client=self._client, conf=settings)

        def content(value: bytes) -> bytes:
            with suppress(json.JSONDecodeError):  # what is no JSON, the decoder of formats says
                validate(value)
            return value[FRAME_BYTES:]

        return content

    def _avro(self) -> Content:
        from confluent_kafka.schema_registry.avro import AvroDeserializer

        deserialize: Any = AvroDeserializer(self._client)
        return lambda value: json.dumps(deserialize(value), default=_text).encode()

    def _protobuf(self, number: int) -> Content | None:
        """How messages of a file are read, which say which of the file's they are; None if an import is nowhere."""
        from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
        from google.protobuf import json_format

        schema = self._descriptors.get_schema(number, fmt=SERIALIZED)
        imports = {name: _file(one) for name, one in _referenced(self._descriptors, schema, SERIALIZED)}
        try:
            messages = Messages(_file(schema), imports)
        except (KeyError, TypeError):
            return None
        readers: dict[tuple[int, ...], Any] = {}

        def content(value: bytes) -> bytes:
            path = _path(value)
            if path not in readers:
                readers[path] = ProtobufDeserializer(messages.at(path), None, self._descriptors)
            message = readers[path](value)
            return str(json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)).encode()

        return content


def _referenced(client: Any, schema: Any, form: str | None = None) -> Iterator[tuple[str, Any]]:
    """All schemas that a schema refers to, with the names by which it does; the client keeps them."""
    for reference in schema.references or ():
        found = client.get_version(reference.subject, reference.version, True, form).schema
        yield from _referenced(client, found, form)
        yield reference.name, found


def _file(schema: Any) -> bytes:
    return b64decode(schema.schema_str or "")


def _path(value: bytes) -> tuple[int, ...]:
    """Which message of its file a Protobuf value is."""
    from confluent_kafka.schema_registry import prefix_schema_id_deserializer
    from confluent_kafka.schema_registry.serde import SchemaId

    if value[FRAME_BYTES] == 0:  # short for the first
        return (0,)
    frame = SchemaId("PROTOBUF")
    prefix_schema_id_deserializer(value, None, frame)
    return tuple(frame.message_indexes or (0,))


def _text(value: Any) -> str:
    """A value that JSON lacks, as text."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
