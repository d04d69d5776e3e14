"""A window keeps the price book of its first publish; only hours published later take a newer one."""

import csv
import json
import os
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from llmops_assets import prices
from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.prices import book
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.warehouse import build_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import HOUR, hour_window

pytestmark = pytest.mark.integration

HOUR_OF_CALLS = datetime(2026, 11, 1, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 1, 13, tzinfo=UTC)
# 1,000 and 500 tokens of gpt-4o at 2.50 and 10.00 USD a million.
LISTED = Decimal("0.0075")


def _deliver(folder: Path, name: str, hour: datetime) -> None:
    """One object with one call of `hour`, arriving in the hour of HOUR_OF_CALLS."""
    call = {
        "event_id": name,
        "timestamp": hour.isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "output_tokens": 500,
        "success": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(call), encoding="utf-8")
    at = (HOUR_OF_CALLS + HOUR / 2).timestamp()
    os.utime(file, (at, at))


def _double_all_prices(old: Path, new: Path) -> None:
    with old.open(encoding="utf-8", newline="") as before, new.open("w", encoding="utf-8", newline="") as after:
        rows = csv.DictReader(before)
        writer = csv.DictWriter(after, rows.fieldnames or [])
        writer.writeheader()
        for row in rows:
            doubled = str(2 * Decimal(row["usd_per_million"])) if row["usd_per_million"] else ""
            writer.writerow(row | {"known_from": "2027-01-01T00:00:00Z", "usd_per_million": doubled})


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of price books with one version in it, which everything uses."""
    folder = tmp_path / "books"
    folder.mkdir()
    shutil.copy(book.BOOKS / f"{book.versions()[0]}.csv", folder / "v1.csv")
    monkeypatch.setattr(prices, "current_version", lambda: book.current_version(folder))
    monkeypatch.setattr(prices, "load_book", lambda connection, only=None: book.load_book(connection, folder, only))
    return folder


def _catch_up(settings: Settings, number: int, *hours: datetime) -> None:
    lake = Lake.open(settings.lake_catalog)
    run = Run(f"ingest-{number}", NOW, settings.scratch / "ingest")
    refresh(lake, settings, settings.source[0], hour_window(HOUR_OF_CALLS), run)
    for hour in hours:
        project = DbtProject.located(settings.home)
        build_hours(lake, settings, project, hour_window(hour), RunInfo(f"build-{number}-{hour:%H}", NOW))


def test_a_rebuilt_window_keeps_its_book_and_a_new_window_takes_the_newest(tmp_path: Path, books: Path) -> None:
    source = SourceSettings(name="calls", uri=str(tmp_path / "calls"))
    settings = Settings(home=tmp_path / "home", source=(source,))
    _deliver(tmp_path / "calls", "first", HOUR_OF_CALLS)
    _catch_up(settings, 1, HOUR_OF_CALLS)

    _double_all_prices(books / "v1.csv", books / "v2.csv")
    _deliver(tmp_path / "calls", "late", HOUR_OF_CALLS)
    _deliver(tmp_path / "calls", "next", HOUR_OF_CALLS + HOUR)
    _catch_up(settings, 2, HOUR_OF_CALLS, HOUR_OF_CALLS + HOUR)

    with Lake.open(settings.lake_catalog).reader(["llm_requests"]) as connection:
        rows = connection.execute(
            "select event_id, price_version, list_cost_usd from lake.llm_requests order by event_id"
        ).fetchall()
    assert rows == [("first", "v1", LISTED), ("late", "v1", LISTED), ("next", "v2", 2 * LISTED)]
