"""Brokers that stop while a snapshot is read, and topics that come back shorter than they were."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka_broker import Broker
from kafka_records import NOW, Make, Pipeline, accept, call, milliseconds, record
from kafka_server import Server

from llmops_assets.ingest.kafka_objects import RangesRead
from llmops_assets.settings import IngestSettings
from llmops_assets.sources import Batch, SourceError
from llmops_assets.sources.kafka import Place, cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LARGE = 1600  # records of 1 KB: more than one and a half batches of the 1 MiB that these pipelines have
SMALL = {"batch.num.messages": 10}
# A fetch brings ten records, and none is made before they were taken.
A_BIT_AT_A_TIME = {"queued.min.messages": "1", "fetch.message.max.bytes": "2000"}


@pytest.fixture
def server(broker: Broker) -> Iterator[Server]:
    """The broker's process, which runs again when the test is over."""
    assert broker.server is not None
    yield broker.server
    broker.server.start()


def _produce_large(bus: Pipeline, turn: str) -> None:
    values = (call(f"{turn}{n}", note="x" * 1000) for n in range(LARGE))
    bus.broker.produce(bus.topic, [{"value": value, "timestamp": milliseconds(NOW)} for value in values], **SMALL)


def _in_mid_snapshot(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something once, when the first batch of a snapshot was read."""
    whole, todo = RangesRead.batches, [action]

    def batches(self: RangesRead, ingest: IngestSettings) -> Iterator[Batch]:
        for batch in whole(self, ingest):
            if todo:
                todo.pop()()
            yield batch

    monkeypatch.setattr(RangesRead, "batches", batches)


def test_a_broker_that_stops_in_mid_snapshot_is_waited_for_or_the_next_run_takes_the_same_range(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = make(properties=A_BIT_AT_A_TIME)

    starting = threading.Timer(1, server.start)

    def stop_for_a_while() -> None:
        server.stop()
        starting.start()

    _produce_large(bus, "a")
    with monkeypatch.context() as patch:
        _in_mid_snapshot(patch, stop_for_a_while)
        assert bus.refresh().outcomes == {"accepted": LARGE}
    starting.join()
    _produce_large(bus, "b")
    bus.options["timeout_seconds"] = 2.0
    with monkeypatch.context() as patch:
        _in_mid_snapshot(patch, lambda: server.stop(at_once=True))
        with pytest.raises(
            SourceError, match=rf"offsets \[\d+, {2 * LARGE}\) could not be read: no record came for 2 s"
        ):
            bus.refresh()
        patch.setattr(cluster, "CONNECT_SECONDS", 1.0)
        with pytest.raises(SourceError, match="no answer in 1 s"):
            bus.refresh()
    assert bus.ranges() == [(0, 0, LARGE, "complete"), (0, LARGE, 2 * LARGE, "planned")]
    server.start()
    bus.broker.produce(bus.topic, [record("behind")])
    assert bus.refresh().outcomes == {"accepted": LARGE + 1}
    assert bus.ranges() == [
        (0, 0, LARGE, "complete"),
        (0, LARGE, 2 * LARGE, "complete"),
        (0, 2 * LARGE, 2 * LARGE + 1, "complete"),
    ]
    assert bus.offsets() == [(0, offset) for offset in range(2 * LARGE + 1)]


def _log(bus: Pipeline, server: Server, partition: int) -> Path:
    return server.logs / f"{bus.topic}-{partition}" / "00000000000000000000.log"


def _commit(bus: Pipeline, partition: int, stable: int, *names: str) -> None:
    """Write records in a transaction, and wait until its marker is there too."""
    bus.broker.transaction(bus.topic, [record(name, partition=partition) for name in names], commit=True)
    place, end = Place(bus.topic, partition), time.monotonic() + 20
    while cluster.Cluster(bus.source).hold([bus.topic])[place].stable < stable:
        assert time.monotonic() < end


def test_topics_that_lost_records_they_had_given_out_are_an_error_even_when_they_have_grown_again(
    make: Make, server: Server
) -> None:
    bus = make(3)
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(2)])
    _commit(bus, 2, 3, "t0", "t1")  # offsets 0, 1, and a marker at 2
    sizes = {number: _log(bus, server, number).stat().st_size for number in (0, 2)}
    bus.broker.produce(bus.topic, [*(record(f"a{n}") for n in range(2, 5)), record("other", partition=1)])
    _commit(bus, 2, 6, "t3", "t4")
    bus.refresh()
    server.stop(at_once=True)
    for number, size in sizes.items():
        with _log(bus, server, number).open("r+b") as file:
            file.truncate(size)  # what a broker has that was behind when it was elected
    server.start()
    lost = (
        r"partition 0: records from offset 2 on, read or planned to 5, were lost [^\n]*--from 5 --to 2 [^\n]*\n"
        # The first new one is at 3; that of the marker before it holds no record.
        r"[^\n]*partition 2: records from offset 2 on, read or planned to 6, were lost [^\n]*--from 6 --to 2 [^\n]*$"
    )
    with pytest.raises(SourceError, match=lost):
        bus.refresh()
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(2, 9)] + [record("another", partition=1)])
    _commit(bus, 2, 6, "u3", "u4")  # so that the last offset before the end that was read is a marker's
    _commit(bus, 2, 8, "u6")
    with pytest.raises(SourceError, match=lost):
        bus.refresh()
    with pytest.raises(SourceError, match=r"5 to 9 is no gap; .*missing is 5 to 2"):
        accept(bus, 5, 9)
    accept(bus, 5, 2)
    accept(bus, 6, 2, partition=2)
    assert bus.refresh().outcomes == {"accepted": 7 + 1 + 3}
    assert bus.ranges("partition", "era", "start_offset", "end_offset", "state") == [
        (0, 0, 0, 5, "complete"),
        (0, 1, 2, 9, "complete"),
        (0, 1, 5, 2, "gap accepted"),
        (1, 0, 0, 1, "complete"),
        (1, 0, 1, 2, "complete"),
        (2, 0, 0, 6, "complete"),
        (2, 1, 2, 8, "complete"),
        (2, 1, 6, 2, "gap accepted"),
    ]
    before, after = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(2, 9)]
    of_transactions = ["t0", "t1", "t3", "t4", "u3", "u4", "u6"]
    assert bus.events() == sorted([*before, *after, *of_transactions, "other", "another"])
    assert bus.refresh().records == 0
