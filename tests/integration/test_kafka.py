"""Snapshots of Kafka topics on a real broker: every offset exactly once, and never silently none."""

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import PASSWORD, USER, Broker, broker
from kafka_records import NOW, Pipeline, call, milliseconds, record

from llmops_assets.lake import Lake
from llmops_assets.sources import SourceError
from llmops_assets.windows import HOUR, Window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Make = Callable[..., Pipeline]
__all__ = ["broker"]


@pytest.fixture
def make(broker: Broker, lake: Lake, tmp_path: Path) -> Make:  # noqa: F811 - the fixture
    """A pipeline on a new topic."""

    def made(partitions: int = 1, topic: dict[str, str] | None = None, **options: Any) -> Pipeline:
        return Pipeline(broker, lake, tmp_path / "home", broker.topic(partitions, **(topic or {})), options)

    return made


def test_two_refreshes_of_the_running_hour_read_on_without_gap_or_overlap(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    assert bus.refresh().outcomes == {"accepted": 3}
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(2)])
    assert bus.refresh().outcomes == {"accepted": 2}
    assert bus.offsets() == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]
    assert bus.ranges() == [(0, 0, 3, "complete"), (0, 3, 5, "complete")]
    assert bus.query("select records, accepted from ingest_ledger where uri is not null order by uri") == [
        (3, 3),
        (2, 2),
    ]


def test_a_record_keeps_its_position_time_key_and_configured_headers(make: Make) -> None:
    bus = make(headers=("tenant",))
    at = NOW - timedelta(minutes=7)
    bus.broker.produce(bus.topic, [record("a", at, key=b"k", headers=[("tenant", b"acme"), ("secret", b"x")])])
    bus.refresh()
    columns = "topic, partition, record_offset, line, record_index, record_key, record_headers, arrived_at, uri"
    assert bus.query(f"select {columns} from raw_llm_events") == [
        (bus.topic, 0, 0, 0, None, "k", {"tenant": "acme"}, at, f"kafka://{bus.topic}/0@0")
    ]
