"""Dagster's SQLite event log without a disk flush, a new engine and a transaction for every event.

A power cut may lose the last events; what is due is decided by the lake, so nothing else depends on them.
Belongs here: how events are written to SQLite. What they say is Dagster's.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage  # no public name: docs/decisions/0006
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

BUSY_SECONDS = 60
"""How long a writer waits for another one's transaction."""


class BatchingSqliteEventLog(SqliteEventLogStorage):
    """Dagster's storage, which writes the events of a range of partitions in one transaction per file."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._held = threading.local()
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._has_index_columns: bool | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "BatchingSqliteEventLog":
        """Made by Dagster from `dagster.yaml`."""
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store the events in their order."""
        with self.together():
            for one in events:
                self.store_event(one)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within it, what this thread writes and reads is one transaction per file."""
        if getattr(self._held, "connections", None) is not None:
            yield
            return
        with ExitStack() as stack:
            self._held.stack, self._held.connections = stack, {}
            try:
                yield
            finally:
                self._held.connections = None

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        held: dict[str, Connection] | None = getattr(self._held, "connections", None)
        if held is None:
            with self._engine(shard).begin() as connection:
                yield connection
            return
        if shard not in held:
            held[shard] = self._held.stack.enter_context(self._engine(shard).begin())
        yield held[shard]

    def _engine(self, shard: str) -> Engine:
        """One engine per file, which remembers compiled statements but keeps no connection."""
        if shard not in self._engines:
            with super()._connect(shard):  # makes the file's tables if it is new
                pass
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard), poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}
            )
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked for every check's result; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        """Asked for every event, and answered from the file's schema each time."""
        if self._has_index_columns is None:
            self._has_index_columns = super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_index_columns


@contextmanager
def written_together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Within it, the events that this thread logs are one transaction per file; other event logs are left alone."""
    log = instance.event_log_storage
    with log.together() if isinstance(log, BatchingSqliteEventLog) else nullcontext():
        yield


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
