"""The pipeline on the calls of the seeds: ingest, build, read. All seeds' calls go through one run.

Each input has hours of its own, which keep it apart from the others in the tables: `TUTORIAL` says which
table's input lies in which hour, the Flink job's calls lie in `FLINK`.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.warehouse import build_days, build_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import HOUR, Window, hour_of, hour_window

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
DAY = datetime(2025, 3, 12, tzinfo=UTC)
TUTORIAL = {
    "token_usage_per_user": DAY + 14 * HOUR,
    "cost_per_model": DAY + 15 * HOUR,
    "cost_per_user": DAY + 16 * HOUR,
    "model_quality_drift": DAY + 17 * HOUR,
    "latency_percentiles": DAY + 18 * HOUR,
    "error_rates": DAY + 19 * HOUR,
}
FLINK = DAY + 20 * HOUR
ARRIVED = DAY + 21 * HOUR + timedelta(minutes=30)
STARTED = DAY + 24 * HOUR


@cache
def published_seeds(home: Path) -> Lake:
    """A lake under `home` with the tables of all seeds' calls, whose own costs are taken."""
    settings = _settings(home)
    lake = Lake.open(settings.lake_catalog)
    for source in settings.source:
        _let_arrive(Path(source.uri), source.name)
        run = Run("ingest", STARTED, settings.scratch / f"ingest-{source.name}")
        report = refresh(lake, settings, source, hour_window(hour_of(ARRIVED)), run)
        assert set(report.outcomes) == {"accepted"}, report
    window = Window(min(TUTORIAL.values()), FLINK + HOUR)
    build_hours(lake, settings, DbtProject.located(home), window, RunInfo("build", STARTED))
    return lake


@cache
def published_days(home: Path) -> Lake:
    """The same lake with the daily tables of that day."""
    lake, settings = published_seeds(home), _settings(home)
    build_days(lake, settings, DbtProject.located(home), Window(DAY, DAY + 24 * HOUR), RunInfo("build-day", STARTED))
    return lake


def rows_of(lake: Lake, table: str, columns: Sequence[str], hour: datetime) -> list[tuple[Any, ...]]:
    """The rows of an hour of a published table in the order of its columns."""
    with lake.reader([table]) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            f"select {', '.join(columns)} from lake.{table} where window_start >= ? and window_start < ? order by all",
            [hour, hour + HOUR],
        ).fetchall()
    return rows


def _settings(home: Path) -> Settings:
    folders = {seed: home / "arrivals" / seed for seed in ("flink", "risingwave")}
    sources = (SourceSettings(name=seed, uri=str(folder), cost="reported") for seed, folder in folders.items())
    return Settings(home=home, source=tuple(sources))


def _let_arrive(folder: Path, seed: str) -> None:
    """Put the seed's files there, all modified at `ARRIVED`, which is then their arrival hour."""
    folder.mkdir(parents=True)
    for file in (FIXTURES / seed).glob("*.ndjson"):
        copied = folder / file.name
        copied.write_bytes(file.read_bytes())
        os.utime(copied, (ARRIVED.timestamp(), ARRIVED.timestamp()))
