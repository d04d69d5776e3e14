"""Values in a registry's framing, decoded by the library's deserialisers."""

import io
import json
from decimal import Decimal

import fastavro
import pytest
from registry_server import AVRO, asked, framed, registry

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka.registry import Registry, Undecodable

__all__ = ["asked", "registry"]


@pytest.fixture
def decode(registry: str) -> Registry:
    """A client of a registry."""
    return Registry(_source(registry))


def _source(url: str) -> KafkaSettings:
    return KafkaSettings(name="bus", kind="kafka", bootstrap_servers="b:1", topics=("calls",), registry_url=url)


def test_an_avro_value_becomes_json_with_exact_amounts(decode: Registry, asked: list[str]) -> None:
    buffer = io.BytesIO()
    call = {"id": "a", "cost": Decimal("0.100000"), "at": 1_763_640_000_000}
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(AVRO), call)
    for _ in range(3):
        decoded = json.loads(decode(framed(1, buffer.getvalue())))
    assert decoded == {"id": "a", "cost": "0.100000", "at": "2025-11-20T12:00:00+00:00"}
    assert len(asked) == 1


def test_a_json_value_is_its_own_text(decode: Registry) -> None:
    assert decode(framed(2, b'{"cost": 0.10000000000000000001}')) == b'{"cost": 0.10000000000000000001}'


def test_a_protobuf_value_becomes_json(decode: Registry) -> None:
    content = b"\x00" + b"\x0a\x01a" + b"\x10\x07"  # the first message; field 1 is "a", field 2 is 7
    assert json.loads(decode(framed(3, content))) == {"id": "a", "tokens": "7"}


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
