"""Questions to brokers: which topics there are, what their partitions hold, where a time begins.

Brokers answer a wrong password or a dead address with silence, so every question listens to the client's errors
and ends after a bounded time. Nothing is read here.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.kafka.configuration import configuration, group_of
from llmops_assets.sources.kafka.held import Held, Place

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 20.0
_T = TypeVar("_T")


class Errors:
    """What a client reported by its callback, and whether it will ever be well."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def __call__(self, error: Any) -> None:
        self.all.append(error)

    def refusal(self) -> str | None:
        """Why brokers will never let us in, if they said so, and what to change."""
        from confluent_kafka import KafkaError

        user = "check the values of username_env and password_env, and sasl_mechanism"
        cures = {
            KafkaError._SSL: "set ca_file to the PEM file of the authority that signed the brokers' certificates",
            KafkaError._AUTHENTICATION: user,
            KafkaError.SASL_AUTHENTICATION_FAILED: user,
        }
        refused = [error for error in self.all if error.code() in cures]
        return f"{refused[-1].str()}; {cures[refused[-1].code()]}" if refused else None

    def last(self) -> str:
        """The last thing that was reported."""
        return self.all[-1].str() if self.all else "no broker answered"


class Cluster:
    """The topics of one source. Use as a context or not: the connection ends with the object."""

    def __init__(self, source: KafkaSettings) -> None:
        from confluent_kafka.admin import AdminClient

        self.source = source
        self._errors = Errors()
        self._admin = self._made(lambda: AdminClient(configuration(source) | {"error_cb": self._errors}))
        self._names = self._connect()

    def topics(self) -> list[str]:
        """The topics of the source, sorted.

        Raises:
            SourceError: a named topic does not exist.
        """
        pattern = self.source.topics_pattern
        if pattern is not None:
            return sorted(name for name in self._names if re.fullmatch(pattern, name) and not name.startswith("__"))
        if missing := sorted(set(self.source.topics) - self._names):
            raise SourceError(
                f"source {self.source.name}: topic {', '.join(missing)} does not exist at "
                f"{self.source.bootstrap_servers}, or may not be seen; correct topics, create it or grant Describe"
            )
        return sorted(set(self.source.topics))

    def hold(self, topics: Iterable[str]) -> dict[Place, Held]:
        """What every partition of the topics holds now."""
        from confluent_kafka import IsolationLevel

        spec = _offset_spec()

        described = self._described(list(topics))
        ids = {Place(name, number): str(one.topic_id) for name, one in described.items() for number in _numbers(one)}
        committed = IsolationLevel.READ_COMMITTED
        level = committed if self.source.isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
        # The end first: a low watermark that moves meanwhile shows as a gap, never as a range that is not there.
        stable = self._offsets(dict.fromkeys(ids, spec.latest()), level)
        high = self._offsets(dict.fromkeys(ids, spec.latest()), IsolationLevel.READ_UNCOMMITTED)
        low = self._offsets(dict.fromkeys(ids, spec.earliest()), IsolationLevel.READ_UNCOMMITTED)
        return {
            place: Held(topic_id, low[place][0], stable[place][0], high[place][0], high[place][1])
            for place, topic_id in ids.items()
        }

    def begin(self, times: Mapping[Place, datetime]) -> dict[Place, int | None]:
        """The first offset of each partition with a record at or after a time; None if all are before it."""
        from confluent_kafka import IsolationLevel

        spec = _offset_spec()

        asked = {place: spec.for_timestamp(_milliseconds(at)) for place, at in times.items()}
        found = self._offsets(asked, IsolationLevel.READ_UNCOMMITTED)
        return {place: None if offset < 0 else offset for place, (offset, _) in found.items()}

    def commit(self, ends: Mapping[Place, int]) -> None:
        """Say in the source's consumer group how far we are, for tools that watch it. Nothing here reads it back."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(configuration(self.source) | {"group.id": group_of(self.source), "error_cb": self._errors})
        try:
            offsets = [TopicPartition(place.topic, place.partition, end) for place, end in ends.items()]
            self._made(lambda: consumer.commit(offsets=offsets, asynchronous=False))
        finally:
            consumer.close()

    def _connect(self) -> set[str]:
        end = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                return set(self._admin.list_topics(timeout=1).topics)
            except Exception as error:  # the client raises its own and, for bad settings, others
                self._admin.poll(0)
                refusal = self._errors.refusal()
                if refusal is not None:
                    raise self._error(f"refused: {refusal}") from error
                if time.monotonic() > end:
                    raise self._error(
                        f"no answer in {CONNECT_SECONDS:.0f} s ({self._errors.last()}); check bootstrap_servers, "
                        "security and the network"
                    ) from error

    def _described(self, topics: list[str]) -> dict[str, Any]:
        from confluent_kafka import TopicCollection

        if not topics:
            return {}
        asked = self._made(lambda: self._admin.describe_topics(TopicCollection(topics), request_timeout=ANSWER_SECONDS))
        return {name: self._made(future.result) for name, future in asked.items()}

    def _offsets(self, asked: Mapping[Place, Any], isolation: Any) -> dict[Place, tuple[int, int | None]]:
        from confluent_kafka import TopicPartition

        if not asked:
            return {}
        specs = {TopicPartition(place.topic, place.partition): spec for place, spec in asked.items()}
        futures = self._made(
            lambda: self._admin.list_offsets(specs, isolation_level=isolation, request_timeout=ANSWER_SECONDS)
        )
        found = {Place(one.topic, one.partition): self._made(future.result) for one, future in futures.items()}
        return {place: (result.offset, result.leader_epoch) for place, result in found.items()}

    def _made(self, call: Callable[[], _T]) -> _T:
        """The call's result, with the library's errors as ours."""
        from confluent_kafka import KafkaException

        try:
            return call()
        except KafkaException as error:
            raise self._error(f"{error.args[0].str() if error.args else error}; is the broker well?") from error

    def _error(self, text: str) -> SourceError:
        return SourceError(f"source {self.source.name}: Kafka at {self.source.bootstrap_servers}: {text}")


def _numbers(description: Any) -> list[int]:
    return [partition.id for partition in description.partitions]


def _milliseconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)


def _offset_spec() -> Any:
    """The library's untyped class of what to ask for."""
    from confluent_kafka import admin

    return vars(admin)["OffsetSpec"]
