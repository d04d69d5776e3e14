"""Values in a registry's framing, decoded by the library's deserialisers."""

import io
import json
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from registry_server import AVRO, USAGE, WITH_USAGE, asked, framed, registry

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka.registry import Registry, Undecodable

__all__ = ["asked", "registry"]


@pytest.fixture
def decode(registry: str) -> Registry:
    """A client of a registry."""
    return Registry(_source(registry))


def _source(url: str, **options: Any) -> KafkaSettings:
    return KafkaSettings(
        name="bus", kind="kafka", bootstrap_servers="b:1", topics=("calls",), registry_url=url, **options
    )


def _avro(schema: dict[str, Any], value: dict[str, Any], named: dict[str, Any] | None = None) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema, named_schemas=named or {}), value)
    return buffer.getvalue()


def test_an_avro_value_becomes_json_with_exact_amounts(decode: Registry, asked: list[str]) -> None:
    call = {"id": "a", "cost": Decimal("0.100000"), "at": 1_763_640_000_000}
    for _ in range(3):
        decoded = json.loads(decode(framed(1, _avro(AVRO, call))))
    assert decoded == {"id": "a", "cost": "0.100000", "at": "2025-11-20T12:00:00+00:00"}
    assert len(asked) == 1


def test_an_avro_value_may_have_a_type_of_another_schema(decode: Registry, asked: list[str]) -> None:
    named: dict[str, Any] = {}
    fastavro.parse_schema(USAGE, named_schemas=named)
    value = framed(4, _avro(WITH_USAGE, {"id": "a", "usage": {"tokens": 7}}, named))
    assert [json.loads(decode(value)) for _ in range(2)] == [{"id": "a", "usage": {"tokens": 7}}] * 2
    assert [path.partition("?")[0] for path in asked] == ["/schemas/ids/4", "/subjects/usage-avro/versions/1"]


def test_a_json_value_is_its_own_text(decode: Registry) -> None:
    text = b'{"id": "a", "cost": 0.10000000000000000001}'
    assert decode(framed(2, text)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(2, b'{"cost": 1}'), (2, b'{"id": "a", "cost": "1"}'), (2, b"[]"), (6, b'{"usage": {"tokens": "7"}}')],
)
def test_a_json_value_that_its_schema_does_not_allow_is_a_reject(decode: Registry, number: int, text: bytes) -> None:
    with pytest.raises(Undecodable, match="bad_encoding"):
        decode(framed(number, text))


def test_a_json_value_may_have_a_part_of_another_schema(decode: Registry) -> None:
    assert decode(framed(6, b'{"usage": {"tokens": 7}}')) == b'{"usage": {"tokens": 7}}'


def test_what_is_no_json_is_left_to_the_decoder_of_formats(decode: Registry) -> None:
    assert decode(framed(2, b'{"id": ')) == b'{"id": '


def test_json_is_only_held_against_its_schema_while_that_is_wanted(registry: str) -> None:
    decode = Registry(_source(registry, registry_validate=False))
    assert decode(framed(2, b'{"cost": 1}')) == b'{"cost": 1}'
    with pytest.raises(Undecodable, match="unknown_format"):
        decode(framed(9, b"{}"))


@pytest.mark.parametrize("place", [b"\x00", b"\x02\x00"])
def test_a_protobuf_value_becomes_json(decode: Registry, place: bytes) -> None:
    # The first message, in the short and the long way to say so; field 1 is "a", field 2 is 7.
    assert json.loads(decode(framed(3, place + b"\x0a\x01a" + b"\x10\x07"))) == {"id": "a", "tokens": "7"}


def test_a_protobuf_value_may_be_any_message_of_its_file_with_parts_of_others(
    decode: Registry, asked: list[str]
) -> None:
    # Numbers are doubled in the path: one of it (2), message 1 (2); then id, usage.tokens = 7, at.seconds = 1.
    event = b"\x02\x02" + b"\x0a\x01a" + b"\x12\x02\x08\x07" + b"\x1a\x02\x08\x01"
    expected = {"id": "a", "usage": {"tokens": "7"}, "at": "1970-01-01T00:00:01Z"}
    assert [json.loads(decode(framed(5, event))) for _ in range(2)] == [expected] * 2
    error = b"\x04\x02\x00" + b"\x0a\x03429"  # two of it (4), message 1 (2), within it message 0
    assert json.loads(decode(framed(5, error))) == {"code": "429"}
    assert asked == [
        "/schemas/ids/5",
        "/schemas/ids/5?format=serialized",
        "/subjects/usage-proto/versions/1?deleted=true&format=serialized",
    ]


@pytest.mark.parametrize("place", [b"\x02\x04", b"\x04\x02\x02", b"\x02\x01", b"\x08\x02", b"\xff\xff"])
def test_a_protobuf_value_of_no_message_of_its_file_is_a_reject(decode: Registry, place: bytes) -> None:
    with pytest.raises(Undecodable, match="bad_encoding"):
        decode(framed(5, place))


@pytest.mark.parametrize("number", [7, 8])
def test_a_schema_that_refers_to_nothing_known_is_an_unknown_one(decode: Registry, number: int) -> None:
    with pytest.raises(Undecodable, match="unknown_format"):
        decode(framed(number, b"\x00\x00"))


def test_a_registry_that_breaks_over_a_reference_is_an_error_and_no_reject(decode: Registry) -> None:
    with pytest.raises(SourceError, match=r"does not answer \(500: store"):
        decode(framed(10, b"\x00\x00"))


def test_a_value_without_the_framing_stays(decode: Registry, asked: list[str]) -> None:
    assert decode(b'{"id": "a"}') == b'{"id": "a"}'
    assert asked == []


def test_an_unknown_schema_is_a_reject_and_asked_for_once(decode: Registry, asked: list[str]) -> None:
    for _ in range(3):
        with pytest.raises(Undecodable, match="unknown_format"):
            decode(framed(9, b"x"))
    assert len(asked) == 1


def test_bytes_that_are_not_what_their_schema_says_are_a_reject(decode: Registry) -> None:
    with pytest.raises(Undecodable, match="bad_encoding"):
        decode(framed(1, b"\xff\xff\xff"))


@pytest.mark.timeout(60)
def test_a_registry_that_does_not_answer_is_an_error_and_no_reject() -> None:
    with pytest.raises(SourceError, match=r"source bus: schema registry http://127.0.0.1:9 does not answer"):
        Registry(_source("http://127.0.0.1:9"))(framed(1, b"x"))
