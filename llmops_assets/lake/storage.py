"""Files of tables: paths as DuckDB wants them, listing and removing, on a local disk or in a bucket.

Belongs here: everything that depends on where files lie. Which files belong to a table is Iceberg's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow.fs as pafs
from pyiceberg.io.pyarrow import PyArrowFileIO

from llmops_assets.duck import load_httpfs
from llmops_assets.lake.filters import quoted


@dataclass(frozen=True)
class StoredFile:
    """A file and when it was last written."""

    path: str
    modified_at: datetime


def plain(path: str) -> str:
    """`file:/x`, `file:///x` and `/x` as `/x`; a bucket's address as it is."""
    return urlsplit(path).path if path.startswith("file:") else path


def prepare(connection: duckdb.DuckDBPyConnection, location: str, properties: Mapping[str, str]) -> None:
    """Make `location` readable and writable for DuckDB: a folder needs nothing, a bucket its secret."""
    if not location.startswith("s3://"):
        return
    load_httpfs(connection)
    endpoint = urlsplit(properties.get("s3.endpoint", ""))
    options = {
        "key_id": properties.get("s3.access-key-id"),
        "secret": properties.get("s3.secret-access-key"),
        "session_token": properties.get("s3.session-token"),
        "region": properties.get("s3.region"),
        "endpoint": endpoint.netloc or None,
        "url_style": "path" if endpoint.netloc else None,
        "use_ssl": "false" if endpoint.scheme == "http" else None,
    }
    given = ", ".join(f"{name} {quoted(value)}" for name, value in options.items() if value is not None)
    connection.execute(f"create or replace secret llmops_lake (type s3, {given})")


def make_folder(folder: str) -> None:
    """Make a local folder; buckets need none."""
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)


def listed(location: str, properties: Mapping[str, str]) -> Iterator[StoredFile]:
    """All files under `location`; none if it does not exist."""
    filesystem, base, prefix = _opened(location, properties)
    for info in filesystem.get_file_info(pafs.FileSelector(base, recursive=True, allow_not_found=True)):
        if info.type == pafs.FileType.File:
            yield StoredFile(prefix + info.path, info.mtime.astimezone(UTC))


def remove(location: str, paths: list[str], properties: Mapping[str, str]) -> None:
    """Remove files under `location`."""
    filesystem, _, prefix = _opened(location, properties)
    for path in paths:
        filesystem.delete_file(path.removeprefix(prefix))


def _opened(location: str, properties: Mapping[str, str]) -> tuple[pafs.FileSystem, str, str]:
    """The file system of `location`, the location in it, and what its paths lack."""
    path = plain(location)
    if "://" not in path:
        return pafs.LocalFileSystem(), path, ""
    address = urlsplit(path)
    filesystem = PyArrowFileIO(dict(properties)).fs_by_scheme(address.scheme, address.netloc)
    return filesystem, address.netloc + address.path, f"{address.scheme}://"
