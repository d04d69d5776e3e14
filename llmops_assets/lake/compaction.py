"""Merging the small files that many small commits leave in one partition.

Rows stay as they are; a commit that would take another writer's rows is given up, and the next night tries
again. Costs one read and one write of the merged files; partitions below `few` files are left alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from llmops_assets.duck import connect
from llmops_assets.lake import storage
from llmops_assets.lake.commit import commit_exchange, planned
from llmops_assets.lake.relations import rows_of, write_files

SMALL_BYTES = 64 * 2**20
"""Files of this size are worth a read of their own."""
SUMMARY = {"llmops.compaction": "true"}


@dataclass(frozen=True)
class Merged:
    """How many files became how many."""

    before: int
    after: int


def compact_table(
    catalog: Catalog, identifier: tuple[str, str], folder: str, properties: Mapping[str, str], *, few: int
) -> Merged:
    """Merge the small files of every partition that has more than `few`; `folder` is where new files go."""
    table = catalog.load_table(identifier)
    found = Merged(0, 0)
    for number, files in enumerate(_crowded(table, few)):
        written = _merge(table, files, f"{folder}/{number}", properties)
        try:
            commit_exchange(table, files, written, SUMMARY)
        except (CommitFailedException, ValidationException):
            continue  # another writer was first; what was written is an orphan
        finally:
            table = catalog.load_table(identifier)
        found = Merged(found.before + len(files), found.after + len(written))
    return found


def _crowded(table: Table, few: int) -> Iterator[list[DataFile]]:
    """The small files of each partition that has more than `few` of them."""
    groups: dict[tuple[object, ...], list[DataFile]] = defaultdict(list)
    for task in planned(table, AlwaysTrue(), None):
        if task.file.file_size_in_bytes < SMALL_BYTES:
            partition = task.file.partition
            groups[tuple(partition[place] for place in range(len(partition)))].append(task.file)
    yield from (files for files in groups.values() if len(files) > few)


def _merge(table: Table, files: Sequence[DataFile], folder: str, properties: Mapping[str, str]) -> list[str]:
    with connect() as connection:
        storage.prepare(connection, folder, properties)
        storage.make_folder(folder)
        paths = [storage.plain(file.file_path) for file in files]
        return write_files(connection, table, f"({rows_of(table, paths)})", folder).files
