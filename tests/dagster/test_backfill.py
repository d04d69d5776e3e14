"""A 72-hour backfill as a user types it: one command per step of the graph, each one run."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from states import lake_of, state_of, sync, with_home

from llmops_assets.generator import generate
from llmops_assets.warehouse import due_days, due_hours
from llmops_assets.warehouse.due import published
from llmops_assets.windows import DAY, Window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = "2026-11-01-00:00...2026-11-03-23:00"
DAYS = "2026-11-01...2026-11-03"


def _materialize(environment: Mapping[str, str], select: str, partitions: str) -> None:
    command = [str(Path(sys.executable).parent / "dagster"), "asset", "materialize", "-m", "llmops_assets.definitions"]
    done = subprocess.run(
        [*command, "--select", select, "--partition-range", partitions],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_seventy_two_hours_are_backfilled_from_the_command_line(tmp_path: Path) -> None:
    planted = generate(tmp_path / "example", days=3, calls=1500, seed=3)
    config, home = tmp_path / "example" / "llmops.toml", tmp_path / "home"
    (tmp_path / "dagster").mkdir()
    environment = {**with_home(config, home), "DAGSTER_HOME": str(tmp_path / "dagster")}

    _materialize(environment, "group:ingest", HOURS)
    _materialize(environment, "group:metrics", HOURS)
    _materialize(environment, "group:money", DAYS)

    lake = lake_of(config, home)
    window = Window(START, START + 3 * DAY)
    assert {row.state for row in published(lake, "hour", window).values()} == {"published"}
    assert len(published(lake, "hour", window)) == 72
    assert not [hour for hour in due_hours(lake) if hour in window]
    assert len(published(lake, "day", window)) == 3

    # What lies outside of the range (calls of the day before, that came late) is left for a catch-up.
    sync(environment)
    assert (due_hours(lake), due_days(lake, "UTC")) == ([], [])
    assert state_of(lake)["llm_requests"][0] == planted.events
