"""A Kafka source in tests: a topic, a lake, a clock that the test sets, and what the lake then holds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka_broker import Broker

from llmops_assets.ingest import RefreshReport, pending_hours, refresh
from llmops_assets.ingest.kafka_gaps import Acceptance, accept_gap
from llmops_assets.ingest.refresh import Run
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import IngestSettings, Settings
from llmops_assets.sources.kafka import Place
from llmops_assets.windows import HOUR, Window, hour_of

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def call(name: str, at: datetime = NOW, **fields: Any) -> bytes:
    """A record of a call as the seeds have it."""
    known = {"event_id": name, "timestamp": at.isoformat(), "provider": "openai", "model": "gpt-4o"}
    return json.dumps(known | {"input_tokens": 1, "output_tokens": 1} | fields).encode()


def record(name: str, at: datetime = NOW, **message: Any) -> dict[str, Any]:
    """The same as a message of that time."""
    return {"value": call(name, at), "timestamp": milliseconds(at)} | message


def milliseconds(at: datetime) -> int:
    """A time as Kafka has it."""
    return int(at.timestamp() * 1000)


@dataclass
class Pipeline:
    """One source on one broker, with its own lake."""

    broker: Broker
    lake: Lake
    home: Path
    topic: str
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def source(self) -> KafkaSettings:
        """The source, with the test's options."""
        place = {} if "topics_pattern" in self.options else {"topics": (self.topic,)}
        given = {"name": "bus", "kind": "kafka", "bootstrap_servers": self.broker.servers, **place, **self.options}
        return KafkaSettings(**given)

    @property
    def settings(self) -> Settings:
        """Settings with this source only."""
        return Settings(home=self.home, source=(self.source,), ingest=IngestSettings(batch_bytes=2**20))

    def refresh(self, window: Window | None = None) -> RefreshReport:
        """Refresh the running hour, or a window."""
        run = Run(uuid4().hex, self.now, self.home / "scratch" / uuid4().hex)
        return refresh(self.lake, self.settings, self.source, window or self.hour, run)

    @property
    def hour(self) -> Window:
        """The running hour."""
        return Window(hour_of(self.now), hour_of(self.now) + HOUR)

    def pending(self) -> dict[datetime, str]:
        """The hours that the arrivals sensor would ask for."""
        return pending_hours(self.lake, self.settings, self.source, self.now, through_now=True)

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the lake."""
        tables = [table for table in ("raw_llm_events", "kafka_snapshots", "ingest_ledger") if self.lake.exists(table)]
        with self.lake.reader(tables) as connection:
            connection.execute("use lake")
            return connection.execute(text).fetchall()

    def events(self) -> list[str]:
        """Ids of accepted events, sorted, doubles included."""
        return [
            name for (name,) in self.query("select event_id from raw_llm_events where outcome = 'accepted' order by 1")
        ]

    def offsets(self) -> list[tuple[int, int]]:
        """Partition and offset of every row, sorted."""
        return self.query("select partition, record_offset from raw_llm_events order by all")

    def ranges(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the recorded ranges that hold something, in their order."""
        names = ", ".join(columns or ("partition", "start_offset", "end_offset", "state"))
        return self.query(
            f"select {names} from kafka_snapshots where start_offset <> end_offset or state <> 'complete' "
            "order by topic, partition, era, start_offset, end_offset"
        )

    def table(self) -> list[tuple[Any, ...]]:
        """Everything that the raw table holds."""
        return self.query("select * from raw_llm_events order by all")


def dying(*_: object) -> None:
    """In the place of something that a run does: it dies there."""
    raise KeyboardInterrupt


def accept(bus: Pipeline, start: int, end: int, partition: int = 0) -> None:
    """Record a gap."""
    accepted = Acceptance(Place(bus.topic, partition), start, end, "lost in the move", "ada", bus.now)
    accept_gap(bus.lake, bus.source, accepted)


Make = Callable[..., Pipeline]


@pytest.fixture
def make(broker: Broker, lake: Lake, tmp_path: Path) -> Make:
    """A pipeline on a new topic."""

    def made(partitions: int = 1, topic: dict[str, str] | None = None, **options: Any) -> Pipeline:
        return Pipeline(broker, lake, tmp_path / "home", broker.topic(partitions, **(topic or {})), options)

    return made
