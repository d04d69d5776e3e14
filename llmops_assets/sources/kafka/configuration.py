"""A source's settings in librdkafka's words, secrets included.

Belongs here: names of properties and defaults that differ from the library's. Never log what comes out.
"""

import os
from pathlib import Path
from typing import Any

from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.sources.errors import SourceError

# The library's own pause of a second between fetches reads two to five times slower.
DEFAULTS: dict[str, Any] = {
    "fetch.queue.backoff.ms": "10",
    "fetch.wait.max.ms": "100",
    "queued.max.messages.kbytes": "32768",
    "socket.timeout.ms": "10000",
    "log_level": 0,
}


def configuration(source: KafkaSettings) -> dict[str, Any]:
    """Properties of any client of the cluster.

    Raises:
        SourceError: a variable that holds a secret is not set, or a file of certificates is not there.
    """
    found = {
        "bootstrap.servers": source.bootstrap_servers,
        "security.protocol": source.security,
        "ssl.ca.location": _file(source, "ca_file"),
        "ssl.certificate.location": _file(source, "certificate_file"),
        "ssl.key.location": _file(source, "key_file"),
        "ssl.key.password": secret(source, "key_password_env"),
    }
    if source.security.startswith("SASL"):
        found |= {
            "sasl.mechanism": source.sasl_mechanism,
            "sasl.username": secret(source, "username_env"),
            "sasl.password": secret(source, "password_env"),
        }
    return {**DEFAULTS, **source.properties, **{name: value for name, value in found.items() if value is not None}}


def reading_configuration(source: KafkaSettings) -> dict[str, Any]:
    """Properties of a consumer that reads ranges and leaves no trace."""
    return configuration(source) | {
        "group.id": group_of(source),
        "isolation.level": source.isolation,
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
    }


def group_of(source: KafkaSettings) -> str:
    """The consumer group whose offsets other tools watch."""
    return source.group_id or f"llmops-{source.name}"


def _file(source: KafkaSettings, key: str) -> str | None:
    name: str | None = getattr(source, key)
    if name is not None and not Path(name).is_file():
        raise SourceError(f"source {source.name}: {key} names {name}, which is no file; correct it")
    return name


def secret(source: KafkaSettings, key: str) -> str | None:
    """The value of the variable that a setting names."""
    variable = getattr(source, key)
    if variable is None:
        return None
    if variable not in os.environ:
        raise SourceError(f"source {source.name}: {key} names {variable}, which is not set in the environment")
    return os.environ[variable]
