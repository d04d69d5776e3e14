"""One atomic commit: some files of a table out, others in, planned anew whenever another writer was first.

PyIceberg's own retry keeps the first plan and could let two first writers of a window both land; so a
conflict here redoes the whole transaction: load, compare, plan, commit. Files are written once, before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pyiceberg.catalog import Catalog
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io.pyarrow import parquet_files_to_data_files
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.table import FileScanTask, Table, TableProperties
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from llmops_assets.lake.contention import is_conflict
from llmops_assets.lake.errors import LakeError
from llmops_assets.lake.storage import plain

GIVE_UP_AFTER_SECONDS = 300


class StaleWindow(Exception):
    """The window was changed by another writer since the caller planned on it: plan again."""


@dataclass(frozen=True)
class Commit:
    """What a commit left: the table's snapshot, and the rows, bytes and files that were put in."""

    snapshot_id: int | None
    sequence_number: int
    rows: int
    bytes: int
    files: int

    def combined(self, before: "Commit | None") -> "Commit":
        """This commit with the amounts of one before it."""
        if before is None:
            return self
        amounts = {name: getattr(self, name) + getattr(before, name) for name in ("rows", "bytes", "files")}
        return replace(self, **amounts)


@dataclass(frozen=True)
class Change:
    """The rows of `expression` become exactly those of `files`."""

    table: str
    expression: Callable[[Table], BooleanExpression]
    files: Sequence[str]
    properties: Mapping[str, str]
    based_on: int | None
    check_base: bool
    leftovers: Callable[[Table, list[str]], list[str]]
    """Writes the rows of partly covered files that stay; the names of the new files."""


def apply(catalog: Catalog, identifier: tuple[str, str], change: Change) -> Commit:
    """Commit `change`, redone until no other writer comes between.

    Raises:
        StaleWindow: `check_base` is set and the window's files are not those of `based_on`.
        LakeError: five minutes of conflicts, or a table with delete files.
    """
    retrying = Retrying(
        retry=retry_if_exception(is_conflict),
        wait=wait_random_exponential(multiplier=0.02, max=1.0),
        stop=stop_after_delay(GIVE_UP_AFTER_SECONDS),
        retry_error_callback=_given_up,
    )
    committed: Commit = retrying(_attempt, catalog, identifier, change)
    return committed


def _given_up(state: RetryCallState) -> Commit:
    error = state.outcome.exception() if state.outcome else None
    raise LakeError(
        f"other writers were first for {GIVE_UP_AFTER_SECONDS} s ({state.attempt_number} attempts): {error}"
    ) from error


def _attempt(catalog: Catalog, identifier: tuple[str, str], change: Change) -> Commit:
    table = catalog.load_table(identifier)
    tasks = planned(table, change.expression(table), None)
    if change.check_base:
        _refuse_stale(table, change, tasks)
    partial = [plain(task.file.file_path) for task in tasks if task.residual != AlwaysTrue()]
    added = [*change.files, *(change.leftovers(table, partial) if partial else [])]
    if not tasks and not added:
        return _nothing_to_do(table)
    return commit_exchange(table, [task.file for task in tasks], added, change.properties)


def planned(table: Table, expression: BooleanExpression, snapshot_id: int | None) -> list[FileScanTask]:
    """The files that can hold rows of `expression`. Raises `LakeError` if any has delete files."""
    if snapshot_id is None and table.current_snapshot() is None:
        return []
    tasks = list(table.scan(row_filter=expression, snapshot_id=snapshot_id).plan_files())
    for task in tasks:
        if task.delete_files or task.file.content != DataFileContent.DATA:
            raise LakeError(
                f"{table.name()}: {task.file.file_path} has delete files, written by another engine; "
                "rewrite the table's data files there (rewrite_data_files) and try again"
            )
    return tasks


def _refuse_stale(table: Table, change: Change, tasks: Sequence[FileScanTask]) -> None:
    before = [] if change.based_on is None else planned(table, change.expression(table), change.based_on)
    if {task.file.file_path for task in before} != {task.file.file_path for task in tasks}:
        raise StaleWindow(f"{change.table}: another run changed the window; plan again on the current rows")


def _nothing_to_do(table: Table) -> Commit:
    snapshot = table.current_snapshot()
    if snapshot is None:
        return Commit(None, 0, 0, 0, 0)
    return Commit(snapshot.snapshot_id, snapshot.sequence_number or 0, 0, 0, 0)


def commit_exchange(
    table: Table, removed: Sequence[DataFile], added: Sequence[str], properties: Mapping[str, str]
) -> Commit:
    """Take some files of the loaded table out and put others in, once: a conflict is raised."""
    # Only in this copy of the metadata: the catalog keeps its own for writers that rely on it.
    table.metadata.properties[TableProperties.COMMIT_NUM_RETRIES] = "0"
    files = list(parquet_files_to_data_files(table.io, table.metadata, iter(added)))
    transaction = table.transaction()
    with transaction.update_snapshot(snapshot_properties=dict(properties)).overwrite() as overwrite:
        for file in removed:
            overwrite.delete_data_file(file)
        for file in files:
            overwrite.append_data_file(file)
    snapshot_id = overwrite.snapshot_id
    transaction.commit_transaction()
    snapshot = table.metadata.snapshot_by_id(snapshot_id)
    sequence = snapshot.sequence_number if snapshot else None
    rows, size = sum(file.record_count for file in files), sum(file.file_size_in_bytes for file in files)
    return Commit(snapshot_id, sequence or 0, rows, size, len(files))
