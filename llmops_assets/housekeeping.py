"""What a lake needs from time to time: touched hours written down, old snapshots, lost files and the
scratch of killed runs removed.

Belongs here: the order of those steps. Touched hours are copied first, because an expired snapshot takes
its summary with it and what is due is read from summaries.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.lake.expiry import ExpireReport
from llmops_assets.settings import Settings
from llmops_assets.tables import RAW
from llmops_assets.touched import preserve


def keep_house(lake: Lake, settings: Settings, now: datetime) -> ExpireReport:
    """Copy touched hours; if a snapshot has outlived `snapshot_retention_days`, expire all that have.

    Also removes what killed runs left in the scratch folder. Costs one small commit after new arrivals, and
    a listing of the lake's files when there is something to expire.
    """
    if lake.exists(RAW):
        with connect() as connection:
            preserve(lake, connection)
    orphan_age = timedelta(hours=settings.lake.orphan_age_hours)
    _remove_scratch(settings.scratch, now - orphan_age)
    oldest_kept = now - timedelta(days=settings.lake.snapshot_retention_days)
    if not any(
        len(known := lake.snapshots(name)) > 1 and known[0].committed_at < oldest_kept for name in lake.tables()
    ):
        return ExpireReport(0, 0)
    return lake.expire(oldest_kept, orphan_age=orphan_age)


@dataclass(frozen=True)
class TidyReport:
    """What a night's tidying removed and merged."""

    snapshots: int
    files: int
    merged: int


def tidy(lake: Lake, settings: Settings, now: datetime) -> TidyReport:
    """`keep_house`, and small files merged. No row changes; what a merge replaces goes when its snapshot expires."""
    merged = lake.compact()
    kept = keep_house(lake, settings, now)
    return TidyReport(kept.snapshots, kept.files, merged)


def _remove_scratch(folder: Path, older_than: datetime) -> None:
    """Remove what killed runs left behind."""
    for run in folder.iterdir() if folder.is_dir() else ():
        if datetime.fromtimestamp(run.stat().st_mtime, UTC) < older_than:
            shutil.rmtree(run, ignore_errors=True)
