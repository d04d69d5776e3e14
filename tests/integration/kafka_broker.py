"""A real Kafka broker for tests, and what they do to it. Every test has topics of its own."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from kafka_server import PASSWORD, USER, Server

__all__ = ["PASSWORD", "USER", "Broker", "broker"]


@dataclass
class Broker:
    """A running broker and what tests do to it."""

    servers: str
    server: Server | None = None

    def address(self, listener: str) -> str:
        """The address of one of the listeners."""
        assert self.server is not None
        return self.server.addresses[listener]

    def file(self, name: str) -> str:
        """The path of one of the certificates or keys."""
        assert self.server is not None
        return str(self.server.folder / name)

    def __post_init__(self) -> None:
        self.admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def topic(self, partitions: int = 1, name: str | None = None, **config: str) -> str:
        """A new topic."""
        name = name or f"calls-{uuid4().hex}"
        settings = {key.replace("_", "."): value for key, value in config.items()}
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings)
        self.admin.create_topics([topic])[name].result()
        self._until(lambda: len(self._partitions(name)) == partitions)
        return name

    def add_partitions(self, topic: str, total: int) -> None:
        """Let the topic have `total` partitions."""
        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result()
        self._until(lambda: len(self._partitions(topic)) == total)

    def delete(self, topic: str) -> None:
        """Remove the topic, and wait until it is gone."""
        self.admin.delete_topics([topic])[topic].result()
        self._until(lambda: topic not in self.admin.list_topics(timeout=10).topics)

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        """Remove what lies before an offset, as retention does."""
        (removed,) = self.admin.delete_records([TopicPartition(topic, partition, before)]).values()
        removed.result()

    def allow(self, topic: str, user: str, *operations: AclOperation) -> None:
        """Let the user do this with the topic, and nobody anything else."""
        allowed = [
            AclBinding(
                ResourceType.TOPIC,
                topic,
                ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                one,
                AclPermissionType.ALLOW,
            )
            for one in operations
        ]
        for made in self.admin.create_acls(allowed).values():
            made.result()

    def produce(self, topic: str, records: Iterable[dict[str, Any]], **config: Any) -> None:
        """Write records: dicts of `value`, `key`, `headers`, `partition`, `timestamp` in milliseconds."""
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 5, "log_level": 0} | config)
        for record in records:
            producer.produce(topic, **({"partition": 0} | record))
        assert producer.flush(20) == 0

    def transaction(self, topic: str, records: Sequence[dict[str, Any]], *, commit: bool | None) -> Any:
        """Write records in one transaction: committed, aborted, or left open (None); the producer."""
        producer = Producer({"bootstrap.servers": self.servers, "transactional.id": uuid4().hex, "log_level": 0})
        producer.init_transactions(20)
        producer.begin_transaction()
        for record in records:
            producer.produce(topic, **({"partition": 0} | record))
        assert producer.flush(20) == 0
        if commit is not None:
            (producer.commit_transaction if commit else producer.abort_transaction)(20)
        return producer

    def wait_for(self, topic: str, records: int) -> None:
        """Wait until the topic has so many records."""
        self._until(lambda: self._readable(topic) >= records, 30)

    def end_after_compaction(self, topic: str, most_records: int) -> None:
        """Wait until the log cleaner left at most so many records."""
        self._until(lambda: self._readable(topic) <= most_records, 60)

    def _readable(self, topic: str) -> int:
        from confluent_kafka import Consumer

        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "count", "enable.partition.eof": True})
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            found = 0
            while (message := consumer.poll(10)) is not None and message.error() is None:
                found += 1
            return found
        finally:
            consumer.close()

    def _partitions(self, topic: str) -> dict[int, Any]:
        found = self.admin.list_topics(topic, timeout=10).topics[topic]
        return found.partitions if found.error is None else {}

    def _until(self, condition: Any, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not so after {seconds} s")
            time.sleep(0.05)


@contextmanager
def running() -> Iterator[Broker]:
    """A broker, until the context ends."""
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        server = Server(Path(folder))
        try:
            server.start()
            yield Broker(server.addresses["PLAINTEXT"], server)
        finally:
            server.stop()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker for the session."""
    with running() as started:
        yield started
