"""Which pages were written from which tables: each day's page, then a row of `published_windows` that says so.

The row (scope `report_file`) names the snapshots of the tables that the page was made of, so that a page
that is older than its tables is due whatever died in between. Belongs here: that order.
"""

from dataclasses import dataclass

from llmops_assets import progress
from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.reports.content import Report, read_report
from llmops_assets.reports.files import WrittenReport, write_report
from llmops_assets.settings import Settings
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.due import PUBLISHED_STATE, Published, published
from llmops_assets.warehouse.publish import Publication, record
from llmops_assets.windows import Window


class ReportNotPublished(Exception):
    """The tables of a report's day are not published; the message says which day and what to run."""


@dataclass(frozen=True)
class Written:
    """A day's report and its files."""

    report: Report
    files: WrittenReport


def write_reports(lake: Lake, settings: Settings, window: Window, run: RunInfo) -> list[Written]:
    """Write the pages of the window's UTC days from the published tables.

    Raises:
        ReportNotPublished: the tables of a day are not published.
    """
    rows = published(lake, "report", window)
    days = window.days()
    written = []
    for number, day in enumerate(days):
        progress.report(f"writing reports of {window}", number, len(days))
        row = rows.get(day.start)
        if row is None or row.state != PUBLISHED_STATE:
            raise ReportNotPublished(
                f"{day.start:%Y-%m-%d}: its tables report_* are not published; materialize them, then the report"
            )
        report = read_report(lake, day.start.date())
        files = write_report(settings, report)
        _record(lake, row, run)
        written.append(Written(report, files))
    return written


def _record(lake: Lake, row: Published, run: RunInfo) -> None:
    publication = Publication("report_file", (row.window,), run.run_id, run.started_at, row.raw_sequence_number, {})
    with connect() as connection:
        record(lake, connection, publication, row.snapshots, row.requests_sequence_number)
