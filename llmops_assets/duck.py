"""The one way to open DuckDB: UTC, bounded, and without reaching out for extensions.

Belongs here: connection settings and the loading of extension wheels. What is asked of a connection
belongs to its caller.
"""

import tempfile
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import duckdb


class DuckLimits(Protocol):
    """What a connection may use; `llmops_assets.settings.DuckdbSettings` is one."""

    @property
    def memory_limit(self) -> str: ...
    @property
    def threads(self) -> int: ...
    @property
    def temp_directory(self) -> Path | None: ...


def connect(path: Path | str = ":memory:", limits: DuckLimits | None = None) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in UTC with autoinstall off, bounded by `limits` where given."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }
    if limits is not None:
        config |= {"memory_limit": limits.memory_limit, "threads": limits.threads}
    spill = spill_folder(limits)
    if spill is not None or str(path) == ":memory:":
        config["temp_directory"] = str(spill or Path(tempfile.gettempdir()) / f"llmops-{uuid4().hex}")
    connection = duckdb.connect(str(path), config=config)
    connection.execute("set timezone = 'UTC'")
    return connection


def another(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same database, for another thread; settings of a session are its own."""
    cursor = connection.cursor()
    cursor.execute("set timezone = 'UTC'")
    return cursor


def spill_folder(limits: DuckLimits | None) -> Path | None:
    """A folder of its own below the configured one: processes that share a folder overwrite each other's files.

    None where none is configured; DuckDB then spills beside its database file. DuckDB makes and removes it.
    """
    if limits is None or limits.temp_directory is None:
        return None
    limits.temp_directory.mkdir(parents=True, exist_ok=True)
    return limits.temp_directory / uuid4().hex


def load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `s3://` paths readable and writable, from the installed extension wheel."""
    from duckdb_extensions import import_extension

    import_extension("httpfs", con=connection)
    connection.execute("load httpfs")
