"""Ids that come again on other days: `reused_ids` as the daily runs leave it in the lake."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from states import state_of

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.warehouse import build_days, build_hours, due_days, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import DAY, HOUR, Window, day_of, hour_of, hour_window

pytestmark = pytest.mark.integration

NOVEMBER_1 = datetime(2026, 11, 1, 10, 15, tzinfo=UTC)
NOVEMBER_2, NOVEMBER_30, DECEMBER_2 = NOVEMBER_1 + DAY, NOVEMBER_1 + 29 * DAY, NOVEMBER_1 + 31 * DAY
NOW = DECEMBER_2 + DAY
SPAN = Window(day_of(date(2026, 11, 1)), day_of(date(2026, 12, 3)))
CALLS = (
    ("day after day", "globex", NOVEMBER_1),
    ("day after day", "acme", NOVEMBER_2),
    ("twice on one day", "acme", NOVEMBER_1),
    ("twice on one day", "acme", NOVEMBER_1 + timedelta(minutes=30)),
    ("29 days apart", "acme", NOVEMBER_1),
    ("29 days apart", "acme", NOVEMBER_30),
    ("30 days apart", "acme", NOVEMBER_2),
    ("30 days apart", "acme", DECEMBER_2),
    ("31 days apart", "acme", NOVEMBER_1),
    ("31 days apart", "acme", DECEMBER_2),
    # One call that two records tell: no id of two calls.
    ("told twice", "acme", NOVEMBER_2),
    ("told twice", "acme", NOVEMBER_2 + timedelta(minutes=4)),
    ("once", "acme", NOVEMBER_30),
)
REUSED = [
    (date(2026, 11, 1), "twice on one day", 2, NOVEMBER_1, NOVEMBER_1 + timedelta(minutes=30), ["acme"]),
    (date(2026, 11, 2), "day after day", 2, NOVEMBER_1, NOVEMBER_2, ["acme", "globex"]),
    (date(2026, 11, 30), "29 days apart", 2, NOVEMBER_1, NOVEMBER_30, ["acme"]),
]


class Platform:
    """A source and a lake under `folder`, brought up to date step by step."""

    def __init__(self, folder: Path) -> None:
        self.arrivals = folder / "arrivals"
        self.arrivals.mkdir()
        source = SourceSettings(name="calls", uri=str(self.arrivals))
        self.settings = Settings(home=folder / "home", source=(source,))
        self.lake = Lake.open(self.settings.lake_catalog)
        self.runs = count()
        self.project = DbtProject.located(self.settings.home)

    def take_in(self, calls: Sequence[tuple[str, str, datetime]]) -> None:
        """Let the calls arrive, each in the hour after it was made, and publish the hours that they touch."""
        for event_id, tenant, at in calls:
            call = {"event_id": event_id, "timestamp": at.isoformat(), "tenant": tenant, "model": "gpt-4o"}
            file = self.arrivals / f"{event_id} {at:%m-%d %H%M}.json"
            file.write_text(json.dumps(call), encoding="utf-8")
            os.utime(file, ((at + HOUR).timestamp(),) * 2)
        for hour in sorted({hour_of(at + HOUR) for _, _, at in calls}):
            run = Run("ingest", NOW, self.settings.scratch / "ingest")
            refresh(self.lake, self.settings, self.settings.source[0], hour_window(hour), run)
        for hour in due_hours(self.lake):
            build_hours(
                self.lake, self.settings, self.project, hour_window(hour), RunInfo(f"build-{next(self.runs)}", NOW)
            )

    def bill(self, window: Window) -> None:
        """Run the daily tables of the dates."""
        run = RunInfo(f"bill-{next(self.runs)}", NOW)
        build_days(self.lake, self.settings, self.project, window, run)

    def due(self) -> list[date]:
        """Billing dates to run."""
        return due_days(self.lake, self.settings.warehouse.billing_time_zone)

    def reused(self) -> list[tuple[Any, ...]]:
        """The rows of `reused_ids`, but for the one source."""
        with self.lake.reader(["reused_ids"]) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(
                "select billing_date, event_id, occurrences, first_event_time, last_event_time, tenant_ids "
                "from lake.reused_ids order by billing_date, event_id"
            ).fetchall()
        return rows


def test_an_id_of_two_calls_within_thirty_dates_is_listed_on_the_later_one(tmp_path: Path) -> None:
    platform = Platform(tmp_path)
    platform.take_in(CALLS)
    days = platform.due()
    assert days == [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30), date(2026, 12, 2)]
    platform.bill(SPAN)
    assert platform.reused() == REUSED
    before = state_of(platform.lake)
    for day in (days[2], days[1]):
        platform.bill(Window(day_of(day), day_of(day) + DAY))
    assert state_of(platform.lake) == before
    assert platform.due() == []


def test_a_call_that_arrives_late_lists_its_id_on_the_dates_after_it(tmp_path: Path) -> None:
    platform = Platform(tmp_path)
    early = [call for call in CALLS if call[2] < NOVEMBER_2]
    platform.take_in([call for call in CALLS if call not in early])
    platform.bill(SPAN)
    assert platform.reused() == []
    platform.take_in(early)
    # November 30th is the last of the 30 dates that begin with the 1st; December 2nd sees nothing of it.
    assert platform.due() == [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30)]
    platform.bill(SPAN)
    assert platform.reused() == REUSED
