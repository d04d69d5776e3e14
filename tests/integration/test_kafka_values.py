"""What becomes of the values of a topic: positions, many records in one, tombstones, a registry's framing, ids."""

import gzip
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import Broker
from kafka_records import NOW, Make, Pipeline, call, milliseconds, record
from registry_server import avro_call, framed, protobuf_call

from llmops_assets.lake import Lake

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_a_record_keeps_its_position_time_key_and_configured_headers(make: Make) -> None:
    bus = make(headers=("tenant",))
    at = NOW - timedelta(minutes=7)
    bus.broker.produce(bus.topic, [record("a", at, key=b"k", headers=[("tenant", b"acme"), ("secret", b"x")])])
    bus.refresh()
    columns = "topic, partition, record_offset, line, record_index, record_key, record_headers, arrived_at, uri"
    assert bus.query(f"select {columns} from raw_llm_events") == [
        (bus.topic, 0, 0, 0, None, "k", {"tenant": "acme"}, at, f"kafka://{bus.topic}/0@0")
    ]


def test_tombstones_are_counted_and_make_no_row(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record("a"), {"key": b"k", "value": None}, record("b")])
    report = bus.refresh()
    assert report.kafka is not None
    assert (report.records, report.kafka.tombstones) == (2, 1)
    assert bus.ranges("records", "tombstones") == [(2, 1)]


def test_a_value_may_hold_many_records_or_be_compressed_or_be_no_record(make: Make) -> None:
    bus = make()
    values = [
        b"[" + call("a") + b"," + call("b") + b"]",
        call("c") + b"\n" + call("d") + b"\n",
        gzip.compress(call("e")),
        json.dumps(json.loads(call("f")), indent=2).encode(),
        b"\xff\xfe",
        b"{",
    ]
    bus.broker.produce(bus.topic, [{"value": value, "timestamp": milliseconds(NOW)} for value in values])
    bus.refresh()
    columns = "record_offset, record_index, event_id, reject_reason"
    assert bus.query(f"select {columns} from raw_llm_events order by all") == [
        (0, 0, "a", None),
        (0, 1, "b", None),
        (1, 0, "c", None),
        (1, 1, "d", None),
        (2, None, "e", None),
        (3, None, "f", None),
        (4, None, None, "bad_encoding"),
        (5, None, None, "malformed_json"),
    ]


def test_values_of_a_schema_registry_are_decoded_and_what_is_not_what_it_says_is_a_reject_with_its_place(
    make: Make, registry: str
) -> None:
    bus = make(registry_url=registry)
    shared = json.loads(call("c"))
    avro, protobuf = avro_call({**shared, "usage": {"tokens": 7}}), protobuf_call("d", "openai", "gpt-4o", 1, 1, NOW)
    values = [
        framed(2, json.dumps({"id": "x", **json.loads(call("a"))}).encode()),
        framed(9, b"x"),
        call("b"),
        framed(11, avro),
        framed(12, protobuf),
        framed(2, call("e")),  # without the id that the schema requires
        framed(12, b"\x02\x08"),  # no fifth message
    ]
    bus.broker.produce(bus.topic, [{"value": value, "timestamp": milliseconds(NOW)} for value in values])
    bus.refresh()

    def reject(place: int, reason: str) -> tuple[Any, ...]:
        return (place, None, None, reason, len(values[place]), hashlib.sha256(values[place]).hexdigest())

    columns = "record_offset, event_id, tokens_input, reject_reason, payload_bytes, payload_sha256"
    assert bus.query(f"select {columns} from raw_llm_events order by all") == [
        (0, "a", 1, None, None, None),
        reject(1, "unknown_format"),
        (2, "b", 1, None, None, None),
        (3, "c", 1, None, None, None),
        (4, "d", 1, None, None, None),
        reject(5, "bad_encoding"),
        reject(6, "bad_encoding"),
    ]


def test_records_without_an_id_have_one_of_their_offset_whatever_range_they_were_read_in(
    make: Make, broker: Broker, tmp_path: Path, catalog: Any
) -> None:
    bus = make()
    value = json.dumps({key: kept for key, kept in json.loads(call("x")).items() if key != "event_id"}).encode()
    bus.broker.produce(bus.topic, [{"value": value, "timestamp": milliseconds(NOW)}] * 2)
    bus.refresh()
    bus.broker.produce(bus.topic, [{"value": value, "timestamp": milliseconds(NOW)}])
    bus.refresh()
    elsewhere = Lake.open(catalog.model_copy(update={"namespace": "another"}))
    at_once = Pipeline(broker, elsewhere, tmp_path / "other", bus.topic)
    at_once.refresh()
    assert len(set(bus.events())) == 3
    assert at_once.events() == bus.events()
