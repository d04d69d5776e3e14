"""`Lake`: mount a window of tables in DuckDB, make a window's rows be exactly these, tag, expire, look back.

Commits cost about 35 ms and grow by 1 ms per retained snapshot; planning a window costs about 4 ms.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import EllipsisType
from uuid import uuid4

import duckdb
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError
from pyiceberg.table import Table

from llmops_assets.duck import connect
from llmops_assets.lake import storage
from llmops_assets.lake.commit import Change, Commit, apply, planned
from llmops_assets.lake.compaction import compact_table
from llmops_assets.lake.contention import when_free
from llmops_assets.lake.creation import create, evolve, window_column
from llmops_assets.lake.errors import LakeError
from llmops_assets.lake.expiry import ExpireReport, expire_table
from llmops_assets.lake.filters import Condition
from llmops_assets.lake.relations import Written, rows_of, write_files
from llmops_assets.lake.schema import TableSpec
from llmops_assets.settings import CatalogSettings
from llmops_assets.windows import Window


@dataclass(frozen=True)
class SnapshotInfo:
    """A state of a table that can still be read."""

    snapshot_id: int
    sequence_number: int
    committed_at: datetime
    summary: Mapping[str, str]


class Lake:
    """The tables of one namespace of one catalog."""

    def __init__(self, catalog: Catalog, namespace: str) -> None:
        self.catalog = catalog
        self.namespace = namespace

    @classmethod
    def open(cls, settings: CatalogSettings) -> "Lake":
        """The lake of these (resolved) settings; makes the namespace, and folders of a local catalog."""
        for key in ("uri", "warehouse"):
            _make_parent(settings.properties.get(key, ""))
        catalog = when_free(lambda: load_catalog(settings.name, **settings.properties))
        with suppress(NamespaceAlreadyExistsError):  # another process was first
            when_free(lambda: catalog.create_namespace_if_not_exists(settings.namespace))
        return cls(catalog, settings.namespace)

    def tables(self) -> list[str]:
        """Names of all tables, sorted."""
        return sorted(identifier[-1] for identifier in when_free(lambda: self.catalog.list_tables(self.namespace)))

    def exists(self, table: str) -> bool:
        """Whether there is such a table."""
        return bool(when_free(lambda: self.catalog.table_exists((self.namespace, table))))

    def ensure(self, spec: TableSpec) -> None:
        """Make the table, or add the columns that it lacks.

        Raises:
            LakeError: the table has a column of another type.
        """
        if not self.exists(spec.name):
            create(self.catalog, (self.namespace, spec.name), spec)
        evolve(lambda: self._load(spec.name), spec)

    def mount(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, Window | None] | Iterable[str],
        *,
        schema: str = "lake",
        snapshots: Mapping[str, int] | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> dict[str, int | None]:
        """Make views over exactly the rows of each table's window; the snapshot read of each.

        `snapshots` pins tables to a state; `columns` filters a table by another column than its window's.
        """
        windows = dict(tables) if isinstance(tables, Mapping) else dict.fromkeys(tables)
        connection.execute(f'create schema if not exists "{schema}"')
        read: dict[str, int | None] = {}
        for name, window in windows.items():
            table = self._load(name)
            column = (columns or {}).get(name) or window_column(table)
            snapshot_id = (snapshots or {}).get(name) or _current(table)
            select = self._select(connection, table, Condition(name, column, window), snapshot_id)
            connection.execute(f'create or replace view "{schema}"."{name}" as {select}')
            read[name] = snapshot_id
        return read

    @contextmanager
    def reader(self, tables: Mapping[str, Window | None] | Iterable[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own with the tables in schema `lake`."""
        with connect() as connection:
            self.mount(connection, tables)
            yield connection

    def write(self, table: str, connection: duckdb.DuckDBPyConnection, relation: str) -> Written:
        """Write the rows of `relation` as files of the table that no snapshot names yet."""
        return self.writer(table)(connection, relation)

    def writer(self, table: str) -> Callable[[duckdb.DuckDBPyConnection, str], Written]:
        """`write` for many relations, from several threads: the table's schema is read once."""
        loaded = self._load(table)
        return lambda connection, relation: self._write(connection, loaded, relation)

    def replace(
        self,
        table: str,
        window: Window | None,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        *,
        where: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        based_on: int | EllipsisType | None = ...,
    ) -> Commit:
        """Make the table's rows in `window` (and `where`) be exactly those of `relation`, atomically.

        `relation` is a name or a parenthesised query; its columns are cast to the table's types.
        Arguments and errors as `commit_files`.
        """
        written = self.write(table, connection, relation)
        return self.commit_files(table, window, written.files, where=where, properties=properties, based_on=based_on)

    def commit_files(
        self,
        table: str,
        window: Window | None,
        files: list[str],
        *,
        where: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        based_on: int | EllipsisType | None = ...,
    ) -> Commit:
        """Make the table's rows in `window` be exactly those of `files`; `None` is the whole table.

        `properties` go into the snapshot's summary. `based_on` names the snapshot that the caller planned on.

        Raises:
            StaleWindow: the window has changed since `based_on`.
        """
        change = Change(
            table=table,
            expression=lambda loaded: self._condition(loaded, table, window, where).expression(loaded.schema()),
            files=files,
            properties=properties or {},
            based_on=None if isinstance(based_on, EllipsisType) else based_on,
            check_base=not isinstance(based_on, EllipsisType),
            leftovers=lambda loaded, paths: self._leftovers(
                loaded, paths, self._condition(loaded, table, window, where)
            ),
        )
        return apply(self.catalog, (self.namespace, table), change)

    def data_folder(self, table: str, run: str) -> str:
        """A folder where `run` may write files of the table before it commits them."""
        folder = f"{storage.plain(self._load(table).location())}/data/{run}"
        storage.make_folder(folder)
        return folder

    def files_in(self, folder: str) -> list[str]:
        """The Parquet files in a data folder, sorted."""
        found = (file.path for file in storage.listed(folder, self.catalog.properties))
        return sorted(path for path in found if path.endswith(".parquet"))

    def current_snapshot(self, table: str) -> int | None:
        """The table's state now; None if it has none or does not exist."""
        return _current(self._load(table)) if self.exists(table) else None

    def sequence_number(self, table: str, snapshot_id: int | None) -> int:
        """The place of a snapshot in the table's history; 0 before the first."""
        if snapshot_id is None:
            return 0
        snapshot = self._load(table).metadata.snapshot_by_id(snapshot_id)
        if snapshot is None:
            raise LakeError(f"{table}: snapshot {snapshot_id} has expired")
        return snapshot.sequence_number or 0

    def snapshots(self, table: str) -> list[SnapshotInfo]:
        """All states of the table that can be read, oldest first."""
        found = (
            SnapshotInfo(
                snapshot.snapshot_id,
                snapshot.sequence_number or 0,
                datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
                snapshot.summary.additional_properties if snapshot.summary else {},
            )
            for snapshot in self._load(table).metadata.snapshots
        )
        return sorted(found, key=lambda snapshot: snapshot.sequence_number)

    def tag(self, table: str, name: str, snapshot_id: int | None = None) -> int:
        """Keep a state of the table (default: now) for ever under `name`; its snapshot id.

        Raises:
            LakeError: the table is empty, or the tag names another state already.
        """
        loaded = self._load(table)
        target = snapshot_id or _current(loaded)
        if target is None:
            raise LakeError(f"{table} has no rows yet: nothing to tag as {name}")
        existing = loaded.metadata.refs.get(name)
        if existing is not None and existing.snapshot_id != target:
            raise LakeError(f"{table}: tag {name} keeps snapshot {existing.snapshot_id}; tags never move")
        if existing is None:
            when_free(lambda: self._load(table).manage_snapshots().create_tag(target, name).commit())
        return target

    def read_as_of(self, table: str, when: datetime | str) -> int | None:
        """The snapshot that was current at `when`, or that a tag of that name keeps; None if there was none."""
        if isinstance(when, str):
            reference = self._load(table).metadata.refs.get(when)
            return reference.snapshot_id if reference else None
        past = [snapshot for snapshot in self.snapshots(table) if snapshot.committed_at <= when]
        return past[-1].snapshot_id if past else None

    def expire(self, older_than: datetime, *, orphan_age: timedelta) -> ExpireReport:
        """Forget untagged snapshots older than `older_than` and files that nothing names for `orphan_age`."""
        now = datetime.now(UTC)
        reports = [self._expire(name, older_than, now, orphan_age) for name in self.tables()]
        return ExpireReport(sum(one.snapshots for one in reports), sum(one.files for one in reports))

    def compact(self, *, few: int = 8) -> int:
        """Merge small files where a partition has more than `few`; how many files that saved. Changes no row."""
        saved = 0
        for name in self.tables():
            folder = f"{storage.plain(self._load(name).location())}/data/{uuid4().hex}"
            merged = compact_table(self.catalog, (self.namespace, name), folder, self.catalog.properties, few=few)
            saved += merged.before - merged.after
        return saved

    def _expire(self, table: str, older_than: datetime, now: datetime, orphan_age: timedelta) -> ExpireReport:
        properties = self.catalog.properties
        return when_free(lambda: expire_table(self._load(table), older_than, now, orphan_age, properties))

    def _load(self, table: str) -> Table:
        try:
            return when_free(lambda: self.catalog.load_table((self.namespace, table)))
        except NoSuchTableError:
            names = ", ".join(self.tables()) or "none yet: run llmops sync"
            raise LakeError(f"the lake has no table {table} (tables: {names})") from None

    def _condition(self, table: Table, name: str, window: Window | None, where: Mapping[str, str] | None) -> Condition:
        return Condition(name, window_column(table), window, where or {})

    def _select(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        condition: Condition,
        snapshot_id: int | None,
    ) -> str:
        tasks = planned(table, condition.expression(table.schema()), snapshot_id) if snapshot_id else []
        storage.prepare(connection, table.location(), self.catalog.properties)
        files = [storage.plain(task.file.file_path) for task in tasks]
        return f"select * from ({rows_of(table, files)}) where {condition.sql(table.schema())}"

    def _leftovers(self, table: Table, paths: list[str], condition: Condition) -> list[str]:
        """Write the rows of partly replaced files that stay."""
        with connect() as connection:
            storage.prepare(connection, table.location(), self.catalog.properties)
            stay = f"(select * from ({rows_of(table, paths)}) where not {condition.sql(table.schema())})"
            return self._write(connection, table, stay).files

    def _write(self, connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> Written:
        folder = f"{storage.plain(table.location())}/data/{uuid4().hex}"
        storage.prepare(connection, folder, self.catalog.properties)
        storage.make_folder(folder)
        return write_files(connection, table, relation, folder)


def _current(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None


def _make_parent(address: str) -> None:
    """The folder of a local SQLite catalog or warehouse; anything else is left alone."""
    if address.startswith("sqlite:///"):
        Path(address.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    elif address.startswith(("file:", "/")):
        Path(storage.plain(address)).mkdir(parents=True, exist_ok=True)
