"""Forgetting: old snapshots, and files that no snapshot names.

A tagged snapshot and the current one stay for ever. A file younger than `orphan_age` stays too: a run
that is still at work may be about to commit it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table

from llmops_assets.lake.storage import listed, plain, remove


@dataclass(frozen=True)
class ExpireReport:
    """What was removed, over all tables."""

    snapshots: int
    files: int


def expire_table(
    table: Table, older_than: datetime, now: datetime, orphan_age: timedelta, properties: Mapping[str, str]
) -> ExpireReport:
    """Expire snapshots of `table` older than `older_than`, then remove its orphaned files."""
    before = len(table.metadata.snapshots)
    if any(snapshot.timestamp_ms < older_than.timestamp() * 1000 for snapshot in table.metadata.snapshots):
        table.maintenance.expire_snapshots().older_than(older_than).commit()
        table.refresh()
    gone = _orphans(table, now - orphan_age, properties)
    remove(table.location(), gone, properties)
    return ExpireReport(before - len(table.metadata.snapshots), len(gone))


def _orphans(table: Table, youngest: datetime, properties: Mapping[str, str]) -> list[str]:
    # Listed first: what is committed meanwhile is then not in the list, or is referenced below.
    files = [file.path for file in listed(table.location(), properties) if file.modified_at <= youngest]
    table.refresh()
    kept = set(_referenced(table))
    return [path for path in files if path not in kept]


def _referenced(table: Table) -> Iterator[str]:
    """Every file that the table's metadata names: metadata versions, manifests, data."""
    yield plain(table.metadata_location)
    for version in table.metadata.metadata_log:
        yield plain(version.metadata_file)
    manifests: dict[str, ManifestFile] = {}
    for snapshot in table.metadata.snapshots:
        yield plain(snapshot.manifest_list)
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for path, manifest in manifests.items():
        yield plain(path)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield plain(entry.data_file.file_path)
