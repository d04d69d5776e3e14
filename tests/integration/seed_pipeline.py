"""The pipeline on one file of calls, as the tests of the seeds' tables need it: ingest, build, read."""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings, SourceSettings
from llmops_assets.warehouse import build_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import hour_window

ARRIVED = datetime(2025, 3, 12, 15, 30, tzinfo=UTC)
STARTED = datetime(2025, 3, 12, 18, tzinfo=UTC)


def publish_calls(home: Path, calls: Path, event_hours: Sequence[datetime]) -> Lake:
    """A lake under `home` with the tables of `event_hours`, made of `calls`, whose own costs are taken."""
    settings = _settings(home, calls)
    lake = Lake.open(settings.lake_catalog)
    run = Run("ingest", STARTED, settings.scratch / "ingest")
    report = refresh(lake, settings, settings.source[0], hour_window(ARRIVED.replace(minute=0)), run)
    assert set(report.outcomes) == {"accepted"}, report
    project = DbtProject.located(settings.home)
    for number, hour in enumerate(event_hours):
        build_hours(lake, settings, project, hour_window(hour), RunInfo(f"build-{number}", STARTED))
    return lake


def rows_of(lake: Lake, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a published table in the order of its columns."""
    with lake.reader([table]) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            f"select {', '.join(columns)} from lake.{table} order by all"
        ).fetchall()
    return rows


def _settings(home: Path, calls: Path) -> Settings:
    folder = home / "arrivals"
    folder.mkdir(parents=True)
    arrived = Path(shutil.copy(calls, folder))
    os.utime(arrived, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    source = SourceSettings(name="calls", uri=str(folder), cost="reported")
    return Settings(home=home, source=(source,))
