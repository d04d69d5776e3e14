"""The scratch database of a run: what its window needs is mounted in it before dbt starts.

Belongs here: the schema `lake` of the scratch file (views over the lake, prices, source settings) and
the file's life. The models that read it are the dbt project's.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from llmops_assets import prices
from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import RAW, RAW_SPEC, REQUESTS
from llmops_assets.warehouse.dbt import SCRATCH_FILE
from llmops_assets.warehouse.due import published
from llmops_assets.windows import DAY, HOUR, Window

REUSE_SPAN = 30 * DAY
"""How far back `reused_ids` looks."""


@dataclass(frozen=True)
class Scratch:
    """A run's folder and what was read into it."""

    folder: Path
    settings: Settings

    @property
    def database(self) -> Path:
        """The scratch database file."""
        return self.folder / SCRATCH_FILE

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection to the scratch database; dbt cannot run while one is open."""
        return connect(self.database, self.settings.duckdb)


@contextmanager
def scratch(settings: Settings, run_id: str) -> Iterator[Scratch]:
    """A folder for one run, removed at its end."""
    folder = settings.scratch / run_id
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield Scratch(folder, settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mount_hours(lake: Lake, place: Scratch, window: Window) -> int:
    """Mount what the hourly models of `window` read; the raw sequence number that they will see."""
    lake.ensure(RAW_SPEC)
    margin = place.settings.warehouse.dedupe_margin
    with place.open() as connection:
        snapshots = lake.mount(connection, {RAW: window.widened(margin)}, columns={RAW: "event_time"})
        _mount_prices(connection, price_versions(lake, window))
        _mount_source_settings(connection, place.settings)
        _mount_run_settings(connection, place.settings)
    return lake.sequence_number(RAW, snapshots[RAW])


def mount_days(lake: Lake, place: Scratch, window: Window) -> int:
    """Mount what the daily models of `window` read; the `llm_requests` sequence number that they will see.

    A billing date begins at most 14 hours before and ends at most 12 hours after the UTC date of its name;
    ids are looked for in 30 days.
    """
    wide = Window(window.start - REUSE_SPAN, window.end + 12 * HOUR)
    with place.open() as connection:
        snapshots = lake.mount(connection, {REQUESTS: wide})
        _mount_run_settings(connection, place.settings)
    return lake.sequence_number(REQUESTS, snapshots[REQUESTS])


def price_versions(lake: Lake, window: Window) -> dict[datetime, str]:
    """The price book of every hour: that of its first publish, else today's."""
    current = prices.current_version()
    rows = published(lake, "hour", window)
    return {hour.start: rows[hour.start].price_version if hour.start in rows else current for hour in window.hours()}


def _mount_prices(connection: duckdb.DuckDBPyConnection, versions: Mapping[datetime, str]) -> None:
    prices.load_book(connection)
    hours = {
        "window_start": pa.array(list(versions), pa.timestamp("us", "UTC")),
        "price_version": pa.array(list(versions.values()), pa.string()),
    }
    _create(connection, "window_prices", pa.table(hours))


def _mount_source_settings(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    columns = {
        "source": pa.array([source.name for source in settings.source], pa.string()),
        "cost": pa.array([source.cost for source in settings.source], pa.string()),
    }
    _create(connection, "source_settings", pa.table(columns))


def _mount_run_settings(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    columns = {
        "dedupe_margin_seconds": pa.array([settings.warehouse.dedupe_margin_seconds], pa.int64()),
        "billing_time_zone": pa.array([settings.warehouse.billing_time_zone], pa.string()),
    }
    _create(connection, "run_settings", pa.table(columns))


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register("incoming", rows)
    connection.execute("create schema if not exists lake")
    connection.execute(f"create or replace table lake.{name} as select * from incoming")
    connection.unregister("incoming")
