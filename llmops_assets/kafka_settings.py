"""What a site says of topics of a Kafka cluster: an entry of `[[source]]` with `kind = "kafka"`, or the table
`notifications` of one that has objects.

Belongs here: names, defaults and what is allowed. Secrets are given by the *names* of variables; connecting is
`sources.kafka`.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from llmops_assets.section import Section
from llmops_assets.source_base import SourceBase

OF_NOTIFICATIONS = ".notifications"
OWNED = frozenset(
    """bootstrap.servers security.protocol sasl.mechanism sasl.mechanisms sasl.username sasl.password ssl.ca.location
    ssl.certificate.location ssl.key.location ssl.key.password group.id isolation.level auto.offset.reset
    enable.auto.commit enable.auto.offset.store enable.partition.eof error_cb""".split()
)


class TopicSettings(Section):
    """Topics of one cluster. Secrets are given by the *names* of environment variables."""

    bootstrap_servers: str = Field(description="host:port of brokers, separated by commas.", min_length=1)
    topics: tuple[str, ...] = Field((), description="Names of topics.")
    topics_pattern: str | None = Field(None, description="Or a regular expression that whole names of topics match.")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How brokers are spoken to."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the password is proved."
    )
    username_env: str | None = Field(None, description="Variable that holds the user name.")
    password_env: str | None = Field(None, description="Variable that holds the password.")
    ca_file: str | None = Field(None, description="PEM file of authorities; none: those of the system.")
    certificate_file: str | None = Field(None, description="PEM file of the client's certificate.")
    key_file: str | None = Field(None, description="PEM file of the client's key.")
    key_password_env: str | None = Field(None, description="Variable that holds the password of the key.")
    isolation: Literal["read_committed", "read_uncommitted"] = Field(
        "read_committed", description="Whether records of open and aborted transactions are left out."
    )
    start: str = Field("earliest", description="First record of the first snapshot: earliest, latest or a time.")
    headers: tuple[str, ...] = Field((), description="Record headers that are kept in record_headers.")
    group_id: str | None = Field(None, description="Group whose offsets are committed; none: llmops-<name>.")
    timeout_seconds: float = Field(60.0, description="A read without progress for so long fails.", gt=0)
    max_lag_records: int | None = Field(None, description="Unread records of one partition that warn.", ge=0)
    max_lag_seconds: float | None = Field(None, description="Age of unread records that warns.", ge=0)
    registry_url: str | None = Field(None, description="Schema registry.", pattern=r"^https?://")
    registry_validate: bool = Field(
        True, description="Whether JSON in the registry's framing is held against its schema; else only its id is read."
    )
    registry_username_env: str | None = Field(None, description="Variable that holds the registry's user name.")
    registry_password_env: str | None = Field(None, description="Variable that holds the registry's password.")
    properties: dict[str, str] = Field(
        default_factory=dict, repr=False, description="Any further property of librdkafka."
    )

    @property
    def place(self) -> str:
        """Where the records are, for people."""
        return f"kafka://{self.bootstrap_servers}/{self.topics_pattern or ','.join(self.topics)}"

    @property
    def technologies(self) -> set[str]:
        """What the UI shows an icon of."""
        return {"kafka"}

    @property
    def first_time(self) -> datetime | None:
        """The time that `start` names, if it names one."""
        return None if self.start in ("earliest", "latest") else _time(self.start)

    @field_validator("topics", "headers", "properties", mode="before")
    @classmethod
    def _may_come_from_the_environment(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.lstrip().startswith(("[", "{")) else [one.strip() for one in value.split(",")]

    @field_validator("topics_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return pattern

    @field_validator("start")
    @classmethod
    def _is_a_start(cls, start: str) -> str:
        try:
            if start not in ("earliest", "latest"):
                _time(start)
        except ValueError:
            raise ValueError("allowed: earliest, latest, or a time such as 2026-11-01T00:00:00Z") from None
        return start

    @field_validator("properties")
    @classmethod
    def _leaves_ours_alone(cls, properties: dict[str, str]) -> dict[str, str]:
        if ours := sorted(OWNED & properties.keys()):
            raise ValueError(f"{', '.join(ours)} is set by the other keys of the source, or must not change")
        return properties

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.topics) == (self.topics_pattern is not None):
            raise ValueError("give topics or topics_pattern, one of them")
        if self.security.startswith("SASL") and not (self.username_env and self.password_env):
            raise ValueError(f"security {self.security} needs username_env and password_env")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class KafkaSettings(TopicSettings, SourceBase):
    """Topics whose records are what is accounted."""

    kind: Literal["kafka"] = Field(description="Topics of a Kafka cluster.")


class NotificationSettings(TopicSettings):
    """Topics whose records name objects."""

    def of(self, source: str) -> KafkaSettings:
        """The topics as a source of their own, under a name that no `[[source]]` can have."""
        return KafkaSettings.model_construct(**dict(self), name=f"{source}{OF_NOTIFICATIONS}", kind="kafka")

    @model_validator(mode="before")
    @classmethod
    def _may_be_one_variable(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_nothing_in_vain(self) -> Self:
        if vain := sorted(self.model_fields_set & {"headers", "max_lag_records", "max_lag_seconds"}):
            raise ValueError(f"{', '.join(vain)}: of no effect where records only name objects; leave it out")
        return self


def is_of_notifications(source: str) -> bool:
    """Whether ranges recorded under this name are of topics that name objects."""
    return source.endswith(OF_NOTIFICATIONS)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
