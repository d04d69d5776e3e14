"""Taking in from a topic of a real Kafka broker against the same records in plain files, in one run on one machine.

    python -m benchmarks.kafka

Only the refresh is timed, in a process of its own on a fresh lake; folder and topic take turns, and what is reported
is the median of the rounds. The broker shares the machine, so that the processor time of the platform and of the
broker stand beside the seconds. Several sizes show how time and memory grow.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.generate_load import generate_load
from benchmarks.taking_in import HOUR, measured, summary

SERVERS = Path(__file__).resolve().parents[1] / "tests" / "integration"
RESULTS = Path(__file__).parent / "kafka.json"
NOW = HOUR + timedelta(minutes=50)
PARTITIONS = 4  # as many as the load has files an hour
MEMORY_LIMIT_MIB = 1e9 / 2**20
AIMS = {"speed": 0.8, "mib_beside_duckdb": 1024}
QUEUED = 50_000


def produce(servers: str, topic: str, folder: Path, compression: str) -> None:
    """Write each file's lines to a partition of its own, in their order, with a key."""
    from confluent_kafka import Producer

    settings = {"linger.ms": 50, "compression.type": compression, "queue.buffering.max.messages": 2 * QUEUED}
    producer = Producer({"bootstrap.servers": servers, **settings})
    stamp = int((HOUR + timedelta(minutes=30)).timestamp() * 1000)
    for partition, path in enumerate(sorted(folder.rglob("*.ndjson"))):
        for number, line in enumerate(_lines(path)):
            producer.produce(topic, line, f"{number % 1000:08}", partition, timestamp=stamp)
            if number % QUEUED == 0:
                producer.flush()
    if producer.flush(120):
        raise SystemExit("the broker did not take all records")


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


def taken_in(source: dict[str, Any], work: Path) -> dict[str, Any]:
    """What taking in a source took, and what the broker did meanwhile."""
    before = _used_by_broker()
    found = measured(source["name"], source, work, NOW)
    return found | {"broker_cpu_seconds": round(_used_by_broker() - before, 2)}


def _used_by_broker() -> float:
    times = [child.cpu_times() for child in psutil.Process().children() if child.name() == "java"]
    return sum(float(one.user + one.system) for one in times)


def run(work: Path, records: int, rounds: int, broker: Any, compression: str) -> dict[str, Any]:
    """One size: both sources in every round, and what came of them."""
    load = work / f"load-{records}"
    generate_load(load, records, hours=1)
    topic = broker.topic(PARTITIONS)
    produce(broker.servers, topic, load, compression)
    sources = {
        "folder": {"name": "calls", "layout": "%Y-%m-%d/%H/", "uri": str(load)},
        "topic": {"name": "calls", "kind": "kafka", "bootstrap_servers": broker.servers, "topics": [topic]},
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sources}
    for _ in range(rounds):
        for name, source in sources.items():
            found[name].append(taken_in(source, work))
            print(records, name, found[name][-1], file=sys.stderr, flush=True)
    broker.delete(topic)
    shutil.rmtree(load)
    return _compared(records, {name: summary(ones) for name, ones in found.items()})


def _compared(records: int, results: dict[str, Any]) -> dict[str, Any]:
    """The topic against the folder."""
    folder, topic = results["folder"], results["topic"]
    if folder["outcomes"] != topic["outcomes"] or sum(topic["outcomes"].values()) != records:
        raise SystemExit(f"the topic gave other records than the folder: {results}")
    ratios = {name: round(folder[name] / topic[name], 2) for name in ("seconds", "cpu_seconds")}
    beside = {"mib_beside_duckdb": max(0, round(topic["peak_mib"] - MEMORY_LIMIT_MIB))}
    return {"records": records, "speed": ratios["seconds"], "speed_by_cpu": ratios["cpu_seconds"], **beside, **results}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, action="append", help="may be given several times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", default="none", help="the producer's: none, lz4, zstd, …")
    arguments = parser.parse_args()
    sys.path.insert(0, str(SERVERS))
    from kafka_broker import running  # type: ignore[import-not-found]

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="llmops-benchmark-") as work, running() as broker:
        sizes = arguments.records or [1_000_000]
        results = [run(Path(work), size, arguments.rounds, broker, arguments.compression) for size in sizes]
    document = {"aims": AIMS, "cpus": os.cpu_count(), "load_before": round(load, 2), "results": results}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(
        json.dumps([{name: one[name] for name in ("records", "speed", *list(one)[2:4])} for one in results], indent=2)
    )


if __name__ == "__main__":
    main()
