"""What a refresh says that it touched."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings, WarehouseSettings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration

ARRIVED = datetime(2026, 11, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("margin", "hours"), [(300, [10]), (1500, [10, 11]), (7200, [8, 9, 10, 11, 12])], ids=["5 min", "25 min", "2 h"]
)
def test_a_call_touches_every_hour_within_the_margin_of_its_time(
    lake: Lake, tmp_path: Path, margin: int, hours: list[int]
) -> None:
    file = tmp_path / "records" / "calls.ndjson"
    file.parent.mkdir()
    call = {"event_id": "a", "timestamp": "2026-11-01T10:30:00Z", "provider": "openai", "model": "gpt-4o"}
    file.write_text(json.dumps(call | {"input_tokens": 1, "output_tokens": 1}) + "\n", encoding="utf-8")
    os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    source = SourceSettings(name="calls", uri=str(file.parent))
    # Attempts of a request are looked for five minutes further.
    warehouse = WarehouseSettings(dedupe_margin_seconds=margin)
    settings = Settings(home=tmp_path / "home", source=(source,), warehouse=warehouse)
    run = Run("run", ARRIVED + timedelta(days=1), tmp_path / "scratch")
    report = refresh(lake, settings, source, Window(ARRIVED, ARRIVED + HOUR), run)
    assert report.outcomes == {"accepted": 1}
    assert [hour.hour for hour in report.touched_hours] == hours
