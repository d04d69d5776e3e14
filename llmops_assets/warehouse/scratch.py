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
from llmops_assets.formats.names import families, install_names
from llmops_assets.lake import Lake
from llmops_assets.reports.classes import as_table, load_classes
from llmops_assets.settings import Settings
from llmops_assets.tables import RAW, RAW_SPEC, REQUESTS
from llmops_assets.warehouse.dbt import SCRATCH_FILE
from llmops_assets.warehouse.due import REPORT_SPAN, REUSE_DATES, complete_days, published
from llmops_assets.windows import DAY, HOUR, Window


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
    reach = place.settings.warehouse.reach
    with place.open() as connection:
        snapshots = lake.mount(connection, {RAW: window.widened(reach)}, columns={RAW: "event_time"})
        mount_beside_calls(connection, place.settings, price_versions(lake, window))
    return lake.sequence_number(RAW, snapshots[RAW])


def mount_beside_calls(
    connection: duckdb.DuckDBPyConnection, settings: Settings, versions: Mapping[datetime, str]
) -> None:
    """Mount what the hourly models read beside the raw rows there: names, prices of each hour's version, settings."""
    install_names(connection)
    connection.execute(f"create or replace table lake.model_families as {families(f'lake.{RAW}')}")
    _mount_prices(connection, versions, settings)
    _mount_source_settings(connection, settings)
    _mount_run_settings(connection, settings)


def mount_days(lake: Lake, place: Scratch, window: Window) -> int:
    """Mount what the daily models of `window` read; the `llm_requests` sequence number that they will see.

    A billing date begins at most 14 hours before and ends at most 12 hours after the UTC date of its name;
    ids are looked for in 30 days.
    """
    wide = Window(window.start - REUSE_DATES * DAY, window.end + 12 * HOUR)
    with place.open() as connection:
        snapshots = lake.mount(connection, {REQUESTS: wide})
        _mount_run_settings(connection, place.settings)
    return lake.sequence_number(REQUESTS, snapshots[REQUESTS])


def mount_reports(lake: Lake, place: Scratch, window: Window) -> int:
    """Mount what the reports of `window`'s UTC days read; the `llm_requests` sequence number that they will see."""
    settings = place.settings
    wide = Window(window.start - REPORT_SPAN, window.end)
    with place.open() as connection:
        snapshots = lake.mount(connection, {REQUESTS: wide})
        prices.load_book(connection)
        prices.add_configured(connection, settings.prices, aliases=False)
        days = [day.date() for day in complete_days(lake, settings) if day in wide]
        _create(connection, "complete_days", pa.table({"complete_date": pa.array(days, pa.date32())}))
        _create(connection, "model_classes", as_table(load_classes(settings.reports.model_classes)))
        least = pa.array([settings.reports.min_requests], pa.int64())
        _create(connection, "report_settings", pa.table({"min_requests": least}))
    return lake.sequence_number(REQUESTS, snapshots[REQUESTS])


def price_versions(lake: Lake, window: Window) -> dict[datetime, str]:
    """The price book of every hour: that of its first publish, else today's."""
    current = prices.current_version()
    rows = published(lake, "hour", window)
    return {hour.start: rows[hour.start].price_version if hour.start in rows else current for hour in window.hours()}


def _mount_prices(connection: duckdb.DuckDBPyConnection, versions: Mapping[datetime, str], settings: Settings) -> None:
    prices.load_book(connection, only={*versions.values()} or {prices.current_version()})
    prices.add_configured(connection, settings.prices)
    hours = {
        "window_start": pa.array(list(versions), pa.timestamp("us", "UTC")),
        "price_version": pa.array(list(versions.values()), pa.string()),
    }
    _create(connection, "window_prices", pa.table(hours))


def _mount_source_settings(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    columns = {
        "source": pa.array([source.name for source in settings.source], pa.string()),
        "cost": pa.array([source.cost for source in settings.source], pa.string()),
        "reconciliation_only": pa.array([source.reconciliation_only for source in settings.source], pa.bool_()),
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
