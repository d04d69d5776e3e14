"""Dagster's SQLite event log without a disk flush, a new engine and a transaction for every event.

A power cut may lose the last events; what is due is decided by the lake, so nothing else depends on them.
Belongs here: how events are written to SQLite. What they say is Dagster's.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage  # no public name: docs/decisions/0006
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool


class BatchingSqliteEventLog(SqliteEventLogStorage):
    """Dagster's storage, which writes the events of a range of partitions in one transaction per file."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._held = threading.local()
        self._has_index_columns: bool | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "BatchingSqliteEventLog":
        """Made by Dagster from `dagster.yaml`."""
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store the events in their order."""
        with ExitStack() as stack:
            self._held.stack, self._held.connections = stack, {}
            try:
                for one in events:
                    self.store_event(one)
            finally:
                del self._held.connections

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        held: dict[str, Connection] | None = getattr(self._held, "connections", None)
        if held is None:
            with super()._connect(shard) as connection:
                yield connection
            return
        if shard not in held:
            with super()._connect(shard):  # makes the file's tables if it is new
                pass
            held[shard] = self._held.stack.enter_context(self._transaction(shard))
        yield held[shard]

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        engine = create_engine(self.conn_string_for_shard(shard), poolclass=NullPool, connect_args={"timeout": 60})
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        """Asked for every event, and answered from the file's schema each time."""
        if self._has_index_columns is None:
            self._has_index_columns = super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_index_columns


@contextmanager
def quick_event_log(folder: Path) -> Iterator[None]:
    """Within it, SQLite files below `folder` are flushed at checkpoints only, and kept open."""
    kept: dict[str, sqlite3.Connection] = {}
    below = f"{folder.resolve()}{os.sep}"

    def relax(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            _relax(connection, below, kept)

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
        for connection in kept.values():
            connection.close()


def _relax(connection: sqlite3.Connection, folder: str, kept: dict[str, sqlite3.Connection]) -> None:
    (_, _, file) = connection.execute("pragma database_list").fetchone()
    if not file.startswith(folder):
        return
    connection.execute("pragma synchronous = normal")
    if file not in kept:
        # An open connection keeps SQLite from folding its log into the file at every close of another.
        kept[file] = sqlite3.connect(file, check_same_thread=False)
        kept[file].execute("select count(*) from sqlite_master").fetchone()
