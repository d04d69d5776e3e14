"""Servers that several modules share, one of each for the whole session."""

from kafka_broker import broker
from kafka_records import make
from registry_server import asked, registry

__all__ = ["asked", "broker", "make", "registry"]
