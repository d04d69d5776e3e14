"""What would become of the records of files: read, decoded and priced as a sync does it, and kept nowhere.

Belongs here: taking files through the pipeline's own reading, formats and models. How it is shown belongs
to the command line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb

from llmops_assets import formats, progress
from llmops_assets.duck import connect
from llmops_assets.ingest.refresh import objects_table
from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.sources import Failed, ObjectRef, read_batches
from llmops_assets.sources.local import LocalFolder
from llmops_assets.tables import RAW
from llmops_assets.warehouse.alone import Alone
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import hour_of

_NOT_OF_THE_EVENT = ("source", "uri", "line", "record_index", "records", "is_unpriced")


@dataclass(frozen=True)
class Tried:
    """What became of one record; `event` only if it was accepted: columns of the event, meters and costs."""

    file: str
    line: int
    record_index: int | None
    format: str | None
    outcome: str
    reason: str | None
    event: dict[str, Any] | None


class Trial:
    """Takes files in as objects of `source`; `failed` names those that could not be read, and why."""

    def __init__(self, source: SourceBase, settings: Settings) -> None:
        self.source, self.settings = source, settings
        self.failed: dict[str, str] = {}
        self._store = LocalFolder(source.name, "/")

    def outcomes(self, files: Sequence[Path]) -> Iterator[Tried]:
        """One per record, in the order of files and lines. Memory is bounded by a batch.

        Raises:
            FileNotFoundError: one of the files does not exist.
        """
        refs = [ref for file in files for ref in self._refs(file)]
        names = {ref.uri: f"/{ref.key}" for ref in refs}
        broken: Failed = {}
        with connect(":memory:", self.settings.duckdb) as connection:
            connection.execute("attach ':memory:' as scratch; use scratch; create schema lake")
            formats.prepare(connection)
            connection.register("objects", objects_table(self.source, refs))
            alone = Alone(connection, DbtProject.located(self.settings.home), self.settings)
            sizes = {
                "batch_bytes": self.settings.ingest.batch_bytes,
                "max_line_bytes": self.settings.ingest.max_line_bytes,
            }
            total, done = sum(ref.size for ref in refs), 0
            for batch in read_batches(refs, self._store, **sizes, failed=broken):
                connection.register("lines", batch.lines)
                yield from _decoded(connection, alone, names)
                done += sum(read.bytes for read in batch.objects)
                progress.report("decoding", done, total)
        self.failed = {names[refs[at].uri]: error.reason for at, error in broken.items()}

    def _refs(self, file: Path) -> Iterator[ObjectRef]:
        """The file, or every file of the folder."""
        key = str(file.absolute()).lstrip("/")
        entries = self._store.walk(f"{key}/") if file.is_dir() else [self._store.look(key)]
        for entry in entries:
            if entry is None:
                raise FileNotFoundError(f"{file}: no such file")
            yield ObjectRef(
                uri=self._store.uri(entry.key),
                key=entry.key,
                version=entry.version,
                size=entry.size,
                last_modified=entry.last_modified.astimezone(UTC),
                arrival_hour=hour_of(entry.last_modified),
            )


def _decoded(connection: duckdb.DuckDBPyConnection, alone: Alone, names: dict[str, str]) -> Iterator[Tried]:
    """The records of the registered `lines`."""
    connection.execute(f"create or replace table lake.{RAW} as {formats.decoding(connection, 'lines', 'objects')}")
    rows = connection.execute(
        "select raw.uri, raw.line, raw.record_index, raw.format, raw.outcome, raw.reject_reason, "
        f"priced.* exclude ({', '.join(_NOT_OF_THE_EVENT)}) "
        f"from lake.{RAW} as raw left join {alone.price()} as priced "
        "on raw.outcome = 'accepted' and raw.uri = priced.uri and raw.line = priced.line "
        "and raw.record_index is not distinct from priced.record_index "
        "inner join objects on raw.uri = objects.uri "
        "order by objects.object_id, raw.line, raw.record_index"
    )
    columns = [column[0] for column in rows.description or ()][6:]
    while some := rows.fetchmany(10_000):
        for uri, line, index, name, outcome, reason, *values in some:
            event = dict(zip(columns, values, strict=True)) if outcome == "accepted" else None
            yield Tried(names[uri], line, index, name, outcome, reason, event)
