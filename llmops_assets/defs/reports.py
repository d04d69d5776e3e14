"""The daily report: its tables by UTC day, and the page made of them.

The tables are built, audited and published together, like those of the warehouse; the page is written from
what is published, and only if its content changed. Thin: the work is `llmops_assets.warehouse` and
`llmops_assets.reports`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from llmops_assets.defs.context import RETRIES, run_window
from llmops_assets.defs.models import Manifest, check_specs, model_specs
from llmops_assets.defs.partitions import days_of_a_report, report_days
from llmops_assets.defs.presentation import REPORTS
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.defs.warehouse import namespace, shown
from llmops_assets.reports.content import Report
from llmops_assets.reports.page import MAIN_FINDINGS
from llmops_assets.reports.queries import TABLES_READ
from llmops_assets.reports.written import Written, write_reports
from llmops_assets.settings import Settings
from llmops_assets.warehouse import build_reports
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import DAY

LONGEST_REPORT_DAYS = 7
PAGE = "cost_optimization_report"
HEADLINES = ("spend_usd", "change_day_before", "routing_saving_usd", "unpriced_requests")


@dg.definitions
def reports() -> dg.Definitions:
    """The tables of the report, and the report."""
    settings = Settings.load()
    manifest = DbtProject.located(settings.home).manifest
    return dg.Definitions(assets=[report_tables_asset(manifest, settings), report_asset(settings)])


def report_tables_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The tables `report_*`: one operation for consecutive UTC days."""
    days = report_days(settings)
    specs = model_specs(manifest, "report", namespace(settings), days, days_of_a_report())

    @dg.multi_asset(
        name="report_tables",
        specs=specs,
        check_specs=check_specs(manifest, "report", specs, days),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
    )
    def report_tables(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        now = platform.settings()
        lake, project = platform.lake(now), platform.project(now)
        run = RunInfo(context.run.run_id, datetime.now(UTC))
        chunks = run_window(context).chunks(LONGEST_REPORT_DAYS * DAY)
        yield from shown(context, now, (build_reports(lake, now, project, chunk, run) for chunk in chunks))

    return report_tables


def report_asset(settings: Settings) -> dg.AssetsDefinition:
    """The page and the JSON file of each day."""

    @dg.asset(
        name=PAGE,
        deps=list(TABLES_READ),
        partitions_def=report_days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        group_name=REPORTS,
        kinds={"html", "json"},
    )
    def cost_optimization_report(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        """One page per UTC day: what was spent and why it changed, what was lost, and which models would be cheaper.

        Source: the tables `report_*`. A partition is a UTC day; it is due when the day is complete, and again after
        a restatement. Written as one HTML file and one JSON file under `reports.folder`; a re-run leaves both
        untouched if no figure changed.
        """
        now = platform.settings()
        run = RunInfo(context.run.run_id, datetime.now(UTC))
        written = write_reports(platform.lake(now), now, run_window(context), run)
        return dg.MaterializeResult(metadata=_metadata(written))

    return cost_optimization_report


def _metadata(written: list[Written]) -> dict[str, dg.MetadataValue]:
    """The last day's headline figures, and how many pages changed."""
    last = written[-1]
    return {
        **{name: dg.MetadataValue.text(last.report.figures[name].shown) for name in HEADLINES},
        "path": dg.MetadataValue.path(last.files.html),
        "preview": dg.MetadataValue.md(_preview(last.report)),
        "digest": dg.MetadataValue.text(last.report.digest),
        "pages": dg.MetadataValue.int(len(written)),
        "pages_changed": dg.MetadataValue.int(sum(one.files.changed for one in written)),
        "changed": dg.MetadataValue.bool(last.files.changed),
    }


def _preview(report: Report) -> str:
    lines = [f"{number}. {one.title}." for number, one in enumerate(report.findings[:MAIN_FINDINGS], start=1)]
    spend = report.figures["spend_usd"]
    return "\n".join([f"**{report.day}: {spend.shown}**", "", *(lines or ["Nothing that costs money was found."])])
