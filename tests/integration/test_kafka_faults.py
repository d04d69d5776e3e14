"""Snapshots of Kafka topics when something is killed, meets another, is stopped or never answers."""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import Broker
from kafka_records import Pipeline, accept, dying, record
from kafka_refresh import pipeline

from llmops_assets.ingest.kafka_objects import RangesRead
from llmops_assets.ingest.kafka_snapshots import plan_snapshot
from llmops_assets.lake import Lake
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka import cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KILLS, EACH = 20, 100
REFRESH = [sys.executable, str(Path(__file__).with_name("kafka_refresh.py"))]
Refreshed = Callable[[float], tuple[float, int]]


@contextmanager
def _refreshes(bus: Pipeline) -> Iterator[Refreshed]:
    """Refreshes in other processes: given when each is to be killed, how long it lived and its exit code."""
    command = [*REFRESH, bus.broker.servers, bus.topic, str(bus.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asked, answered = process.stdin, process.stdout
        assert asked is not None and answered is not None

        def refreshed(kill_after: float) -> tuple[float, int]:
            asked.write(f"{kill_after}\n")
            asked.flush()
            lived, code = answered.readline().split()
            return float(lived), int(code)

        yield refreshed
        asked.close()
        process.wait(20)


def test_a_refresh_killed_at_twenty_random_points_gives_every_offset_once(broker: Broker, tmp_path: Path) -> None:
    topic, rng = broker.topic(2), random.Random(20261121)
    bus = pipeline(broker.servers, topic, tmp_path / "killed")
    planned: set[tuple[Any, ...]] = set()
    kills = turns = 0
    with _refreshes(bus) as refreshed:
        broker.produce(topic, [record("warm", partition=n) for n in (0, 1)])
        whole, code = refreshed(60)
        assert code == 0
        while kills < KILLS and turns < 3 * KILLS:
            broker.produce(topic, [record(f"{turns}-{n}", partition=n % 2) for n in range(2 * EACH)])
            turns += 1
            _, code = refreshed(rng.uniform(0, whole))
            assert code in (0, -signal.SIGKILL)
            kills += code != 0
            recorded = set(bus.ranges("topic_id", "partition", "start_offset", "end_offset"))
            assert planned <= recorded, "what was planned once is never planned anew"
            planned = recorded
    assert kills == KILLS
    bus.refresh()
    everything = [(partition, offset) for partition in (0, 1) for offset in range(1 + EACH * turns)]
    assert bus.offsets() == everything
    assert {state for *_, state in bus.ranges()} == {"complete"}
    assert _is_seamless(bus)
    assert bus.query("select sum(records), sum(end_offset - start_offset) from kafka_snapshots") == [
        (len(everything), len(everything))
    ]
    assert bus.query("select sum(records), sum(accepted) from ingest_ledger") == [(len(everything), len(everything))]
    assert bus.pending() == {}
    undisturbed = pipeline(broker.servers, topic, tmp_path / "undisturbed")
    undisturbed.refresh()
    columns = "select * exclude (uri, version) from raw_llm_events order by all"
    assert bus.query(columns) == undisturbed.query(columns)


def test_a_run_that_dies_between_its_rows_and_their_completion_is_read_again_as_the_same_range(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    broker.produce(bus.topic, [record("a"), {"key": b"k", "value": None}])
    with monkeypatch.context() as patch:
        patch.setattr(RangesRead, "complete", dying)
        with pytest.raises(KeyboardInterrupt):
            bus.refresh()
    assert bus.ranges() == [(0, 0, 2, "planned")]
    assert (bus.offsets(), list(bus.pending())) == ([(0, 0)], [bus.hour.start])
    broker.produce(bus.topic, [record("b")])
    bus.refresh()
    assert bus.ranges("start_offset", "end_offset", "state", "records", "tombstones") == [
        (0, 2, "complete", 1, 1),
        (2, 3, "complete", 1, 0),
    ]
    assert bus.offsets() == [(0, 0), (0, 2)]


def _is_seamless(bus: Pipeline) -> bool:
    ranges = [(partition, start, end) for partition, start, end, _ in bus.ranges()]
    ends = {partition: 0 for partition, _, _ in ranges}
    for partition, start, end in ranges:
        if ends[partition] != start:
            return False
        ends[partition] = end
    return True


def test_planners_of_different_hours_that_meet_do_not_both_read_on_from_one_end(broker: Broker, tmp_path: Path) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    broker.produce(bus.topic, [record("a")])
    bus.refresh()
    broker.produce(bus.topic, [record(f"b{n}") for n in range(3)])
    barrier = threading.Barrier(4)

    def plan(hours: int) -> None:
        mine = pipeline(broker.servers, bus.topic, tmp_path)
        mine.later(hours=hours)
        barrier.wait()
        plan_snapshot(mine.lake, mine.source, mine.hour, mine.now, f"run {hours}", mine.settings.start)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(plan, [0, 1, 0, 1]))
    assert bus.ranges() == [(0, 0, 1, "complete"), (0, 1, 4, "planned")]


def test_refreshes_of_one_hour_that_meet_give_every_offset_once(broker: Broker, tmp_path: Path) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    broker.produce(bus.topic, [record(f"a{n}") for n in range(50)])
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: pipeline(broker.servers, bus.topic, tmp_path).refresh(), range(3)))
    assert bus.offsets() == [(0, offset) for offset in range(50)]
    assert bus.ranges() == [(0, 0, 50, "complete")]


def test_a_planned_range_of_which_retention_took_a_part_is_split_when_that_is_accepted(
    broker: Broker, tmp_path: Path
) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    broker.produce(bus.topic, [record(f"a{n}") for n in range(10)])
    plan_snapshot(bus.lake, bus.source, bus.hour, bus.now, "killed", bus.settings.start)
    broker.delete_records(bus.topic, 4)
    with pytest.raises(SourceError, match=r"offsets \[0, 4\) were removed .*--from 0 --to 4 "):
        bus.refresh()
    accept(bus, 0, 4)
    bus.refresh()
    assert bus.ranges() == [(0, 0, 4, "gap accepted"), (0, 4, 10, "complete")]
    assert bus.offsets() == [(0, offset) for offset in range(4, 10)]
    assert bus.query("select sum(records) from ingest_ledger") == [(6,)]


def test_a_topic_created_again_after_a_plan_is_noticed_before_its_records_pass_for_the_old_ones(
    broker: Broker, tmp_path: Path
) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    broker.produce(bus.topic, [record(f"a{n}") for n in range(5)])
    plan_snapshot(bus.lake, bus.source, bus.hour, bus.now, "killed", bus.settings.start)
    broker.delete(bus.topic)
    broker.topic(name=bus.topic)
    broker.produce(bus.topic, [record(f"b{n}") for n in range(5)])
    earlier = bus.hour
    bus.later(hours=3)
    with pytest.raises(SourceError, match=r"deleted and created again .*--from 0 --to 0 "):
        bus.refresh(earlier)
    accept(bus, 0, 0)
    bus.refresh()
    assert bus.events() == ["b0", "b1", "b2", "b3", "b4"]
    assert bus.ranges("era", "start_offset", "end_offset", "state") == [
        (0, 0, 5, "gap accepted"),
        (1, 0, 0, "gap accepted"),
        (1, 0, 5, "complete"),
    ]


def test_a_read_without_progress_fails_with_the_range_that_is_missing(broker: Broker, tmp_path: Path) -> None:
    bus = pipeline(broker.servers, broker.topic(), tmp_path)
    bus.options["timeout_seconds"] = 1.0
    writing = broker.transaction(bus.topic, [record("open")], commit=None)
    bus.options["isolation"] = "read_uncommitted"
    plan_snapshot(bus.lake, bus.source, bus.hour, bus.now, "killed", bus.settings.start)
    bus.options["isolation"] = "read_committed"
    with pytest.raises(
        SourceError, match=r"offsets \[0, 1\) could not be read: no record came for 1 s.*--from 0 --to 1"
    ):
        bus.refresh()
    writing.commit_transaction(20)
    assert bus.refresh().outcomes == {"accepted": 1}


def test_brokers_that_do_not_answer_are_an_error_with_the_address(
    lake: Lake, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2.0)
    with _deaf() as address:
        bus = Pipeline(broker, lake, tmp_path, "calls", {"bootstrap_servers": address})
        began = time.monotonic()
        with pytest.raises(SourceError, match=f"Kafka at {address}: no answer in 2 s"):
            bus.refresh()
        assert time.monotonic() - began < 6


@contextmanager
def _deaf() -> Iterator[str]:
    """A port that accepts connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
