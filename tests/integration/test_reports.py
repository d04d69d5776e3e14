"""Reports on a small lake: when they are due, what catches up with them, and that a page says what SQL says."""

import json
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from states import sync, with_home

from llmops_assets.cli.sql import select
from llmops_assets.duck import connect
from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.reports.content import read_report
from llmops_assets.reports.files import report_path
from llmops_assets.reports.written import ReportNotPublished, write_reports
from llmops_assets.settings import Settings
from llmops_assets.warehouse import build_hours, build_reports, due_hours, due_reports
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import DAY, HOUR, Window, contiguous, day_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

THE_DAY = date(2026, 11, 10)
MIDNIGHT = day_of(THE_DAY)
NOON = MIDNIGHT + 12 * HOUR
LATER = MIDNIGHT + 3 * DAY


class Site:
    """A lake, its one source, and the steps of a catch-up one by one."""

    def __init__(self, folder: Path) -> None:
        config = folder / "llmops.toml"
        config.write_text(
            'start = 2026-11-01T00:00:00Z\n[[source]]\nname = "calls"\nuri = "in"\nlayout = "%Y-%m-%d/%H/"\n',
            encoding="utf-8",
        )
        self.arrivals = folder / "in"
        self.arrivals.mkdir()
        self.settings = Settings.load(config)
        self.lake = Lake.open(self.settings.lake_catalog)
        self.project = DbtProject.located(self.settings.home)
        self.runs = 0

    def deliver(self, name: str, at: datetime, **call: object) -> None:
        """One object with one call at `at`, which arrives in that hour."""
        given = {"event_id": name, "timestamp": at.isoformat(), "provider": "openai", "model": "gpt-4o"}
        given |= {"success": True, "tenant_id": "acme", "input_tokens": 1000, "output_tokens": 500}
        hour = self.arrivals / f"{at:%Y-%m-%d/%H}"
        hour.mkdir(parents=True, exist_ok=True)
        file = hour / f"{name}.json"
        file.write_text(json.dumps(given | call), encoding="utf-8")
        os.utime(file, ((at + HOUR / 2).timestamp(),) * 2)

    def ingest(self, window: Window, at: datetime = LATER) -> None:
        """Take in the arrival hours of `window` by a run that begins at `at`."""
        self.runs += 1
        run = Run(f"ingest-{self.runs}", at, self.settings.scratch / f"ingest-{self.runs}")
        refresh(self.lake, self.settings, self.settings.source[0], window, run)

    def build(self) -> None:
        """Build every hour that is due."""
        for window in contiguous(due_hours(self.lake)):
            self.runs += 1
            build_hours(self.lake, self.settings, self.project, window, RunInfo(f"build-{self.runs}", LATER))

    def build_tables(self, day: date = THE_DAY) -> None:
        """Build the tables of a day's report."""
        self.runs += 1
        run = RunInfo(f"report-{self.runs}", LATER)
        build_reports(self.lake, self.settings, self.project, Window(day_of(day), day_of(day) + DAY), run)

    def write(self, day: date = THE_DAY) -> bool:
        """Write a day's page; whether that changed anything."""
        self.runs += 1
        window = Window(day_of(day), day_of(day) + DAY)
        (written,) = write_reports(self.lake, self.settings, window, RunInfo(f"page-{self.runs}", LATER))
        return written.files.changed

    def due(self) -> list[date]:
        """What is due now."""
        return due_reports(self.lake, self.settings)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with one call at noon; nothing is taken in yet."""
    made = Site(tmp_path)
    made.deliver("first", NOON)
    yield made


# The day's hours, and one more, because the allowed delay is an hour.
COMPLETE = Window(MIDNIGHT, MIDNIGHT + DAY + HOUR)


def test_a_day_is_due_once_it_is_complete_and_again_when_it_is_restated(site: Site) -> None:
    site.ingest(Window(MIDNIGHT, MIDNIGHT + DAY))
    site.build()
    assert site.due() == []  # the hour of the allowed delay was not asked for
    site.ingest(COMPLETE)
    assert site.due() == [THE_DAY]
    site.build_tables()
    assert site.due() == [THE_DAY]  # its page is missing
    assert site.write()
    assert site.due() == []

    site.deliver("late", NOON + HOUR / 4)
    site.ingest(COMPLETE)
    assert site.due() == []  # an hour of the day waits to be built
    site.build()
    assert site.due() == [THE_DAY]
    site.build_tables()
    assert site.due() == [THE_DAY]  # the page is older than its tables
    assert site.write()
    assert site.due() == []


def test_a_rebuild_with_equal_content_leaves_the_files_alone(site: Site) -> None:
    site.ingest(COMPLETE)
    site.build()
    site.build_tables()
    assert site.write()
    before = report_path(site.settings, THE_DAY).stat().st_mtime_ns
    site.build_tables()
    assert site.due() == [THE_DAY]
    assert not site.write()
    assert site.due() == []
    assert report_path(site.settings, THE_DAY).stat().st_mtime_ns == before


def test_hours_of_the_seven_days_before_make_a_report_due_again_and_older_ones_do_not(site: Site) -> None:
    site.ingest(COMPLETE)
    site.build()
    site.build_tables()
    site.write()
    for days, due in ((8, []), (7, [THE_DAY]), (1, [THE_DAY])):
        at = NOON - days * DAY
        site.deliver(f"old-{days}", at)
        site.ingest(Window(at, at + HOUR))
        site.build()
        assert site.due() == due, days
        if due:
            site.build_tables()
            site.write()


def test_a_day_that_becomes_complete_makes_the_reports_that_compare_with_it_due(site: Site) -> None:
    site.ingest(COMPLETE)
    site.build()
    site.build_tables()
    site.write()
    assert site.due() == []
    # Nothing arrives in the day before, and nothing is published: only the ledger says that it is complete.
    site.ingest(Window(MIDNIGHT - DAY, MIDNIGHT))
    assert site.due() == [THE_DAY - timedelta(days=1), THE_DAY]
    site.build_tables()
    site.write()
    assert site.due() == [THE_DAY - timedelta(days=1)]
    assert read_report(site.lake, THE_DAY).figures["cost_day_before"].value == 0


def test_an_hour_that_was_asked_for_before_its_end_is_not_complete(site: Site) -> None:
    site.deliver("next", MIDNIGHT + DAY)
    site.ingest(COMPLETE, at=MIDNIGHT + DAY + HOUR / 2)
    site.build()
    assert site.due() == []


def test_a_day_whose_hours_wait_to_be_built_is_not_due(site: Site) -> None:
    site.ingest(COMPLETE)
    assert site.due() == []
    site.build()
    assert site.due() == [THE_DAY]


def test_the_page_of_a_day_without_tables_is_refused(site: Site) -> None:
    with pytest.raises(ReportNotPublished, match=r"2026-11-10: its tables report_\* are not published; material"):
        site.write()


def test_a_sync_writes_the_report_and_a_second_one_has_nothing_to_do(site: Site) -> None:
    environment = with_home(site.arrivals.parent / "llmops.toml", site.settings.home)
    for hour in range(25):
        site.deliver(f"call-{hour}", MIDNIGHT + hour * HOUR)
    sync(environment)
    page = report_path(site.settings, THE_DAY)
    # 25 calls of the day, of 1,000 and 500 tokens of gpt-4o at 2.50 and 10.00 USD a million: 0.0075 each.
    told = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert Decimal(told["figures"]["spend_usd"]["value"]) == 25 * Decimal("0.0075")
    assert [file.name for file in page.parent.glob("*.html")] == [page.name]
    stamp = page.stat().st_mtime_ns
    sync(environment)
    assert page.stat().st_mtime_ns == stamp


def test_every_number_of_the_json_is_what_its_query_answers(site: Site) -> None:
    site.deliver("failed", NOON, success=False, status_code=500)
    site.deliver("unknown", NOON, model="nobody-knows-it", tenant_id=None)
    site.ingest(COMPLETE)
    site.build()
    site.build_tables()
    site.write()
    told = json.loads(report_path(site.settings, THE_DAY).with_suffix(".json").read_text(encoding="utf-8"))

    def plain(value: object) -> object:
        return format(value, "f") if isinstance(value, Decimal) else value

    for key, figure in told["figures"].items():
        with connect() as connection:
            rows = select(site.lake, connection, figure["query"]).fetchall()
            assert [plain(rows[0][0])] == [figure["value"]], key
    for key, table in told["tables"].items():
        with connect() as connection:
            rows = select(site.lake, connection, table["query"]).fetchall()
            assert [[plain(value) for value in row] for row in rows] == table["rows"], key
    assert told["figures"]["requests"]["value"] == 3
