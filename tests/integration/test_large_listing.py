"""A hundred thousand objects under one day are looked at within a bound of memory."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.ingest import pending_hours, plan
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.objects import Entry
from llmops_assets.windows import HOUR

pytestmark = pytest.mark.integration

DAY = datetime(2026, 11, 1, tzinfo=UTC)
OBJECTS = 100_000
MOST_BYTES = 128 * 2**20


class Crowded:
    """A store with as many objects as that, evenly over the hours of a day."""

    source, root, concurrency = "calls", "in/", 1

    def uri(self, key: str) -> str:
        return f"s3://bucket/{key}"

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        folders = ["2026-11-01/"] if not prefix else [f"{prefix}{hour:02}/" for hour in range(24)]
        return folders, []

    def walk(self, prefix: str) -> Iterator[Entry]:
        hours = [f"2026-11-01/{hour:02}/" for hour in range(24)]
        for number in range(OBJECTS):
            hour = hours[number % 24]
            if hour.startswith(prefix):
                key = f"in/{hour}part-{number:032}.json.gz"
                yield Entry(key, f"{number:032x}", 1000, DAY + number % 24 * HOUR)


def test_a_hundred_thousand_objects_of_a_day_are_looked_at_within_bounds(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SourceSettings(name="calls", uri="s3://bucket/in", layout="%Y-%m-%d/%H/")
    monkeypatch.setattr(plan, "store_of", lambda _: Crowded())
    settings = Settings(home=tmp_path, source=(source,))
    tracemalloc.start()
    try:
        due = pending_hours(lake, settings, source, DAY + timedelta(hours=23, minutes=59))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sorted(due) == [DAY + hour * HOUR for hour in range(24)]
    assert peak < MOST_BYTES
