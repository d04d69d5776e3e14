"""The one way to open DuckDB: UTC, bounded, and without reaching out for extensions.

Belongs here: connection settings and the loading of extension wheels. What is asked of a connection
belongs to its caller.
"""

from pathlib import Path
from typing import Protocol

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
        if limits.temp_directory is not None:
            config["temp_directory"] = str(limits.temp_directory)
    connection = duckdb.connect(str(path), config=config)
    connection.execute("set timezone = 'UTC'")
    return connection


def load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `s3://` paths readable and writable, from the installed extension wheel."""
    from duckdb_extensions import import_extension

    import_extension("httpfs", con=connection)
    connection.execute("load httpfs")
