"""The dbt project's models as assets: event-time tables by hour, billing tables by day.

A window's tables are built, audited and published together, so each of the two groups is one operation;
selecting one table of a group builds and publishes the group. dbt data tests are checks that were
evaluated before anything was published. A range of partitions is one run; a long one is built in pieces of
bounded size, each published when it is done.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from llmops_assets.defs.checks import Outcome, expectation_specs, outcome_of, results
from llmops_assets.defs.context import RETRIES, run_window
from llmops_assets.defs.event_log import written_together
from llmops_assets.defs.ingestion import source_key
from llmops_assets.defs.materialized import check_entries, show_lineage, table_entries
from llmops_assets.defs.models import RAW_KEY, Manifest, check_specs, model_specs
from llmops_assets.defs.partitions import billing_days, days_from_hours, event_hours
from llmops_assets.defs.presentation import INGEST
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.expectations import expectations_of
from llmops_assets.settings import Settings
from llmops_assets.warehouse import AuditFailed, BuildReport, build_days, build_hours
from llmops_assets.warehouse.build import RunInfo, combined, published_models
from llmops_assets.warehouse.dbt import NodeResult
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.publish import Superseded
from llmops_assets.windows import DAY, HOUR

LONGEST_DAYS = 31
SUPERSEDED = "Another run publishes the same windows; it goes on, this one stopped."


@dg.definitions
def warehouse() -> dg.Definitions:
    """The two groups of models, and the raw table that all sources write."""
    settings = Settings.load()
    manifest = DbtProject.located(settings.home).manifest
    return dg.Definitions(
        assets=[raw_table(settings), hourly_asset(manifest, settings), daily_asset(manifest, settings)]
    )


def table_keys(settings: Settings, tag: str) -> list[dg.AssetKey]:
    """The keys of the hourly or of the daily tables."""
    manifest = DbtProject.located(settings.home).manifest
    return [dg.AssetKey(node["name"]) for node in published_models(manifest, tag)]


def raw_table(settings: Settings) -> dg.AssetSpec:
    """The table that all source assets write, as one node of the graph."""
    return dg.AssetSpec(
        RAW_KEY,
        deps=[source_key(source.name) for source in settings.source],
        group_name=INGEST,
        kinds={"iceberg"},
        description=(
            "One row per raw record of any source, accepted or rejected, with its position.\n\nWritten by the source "
            "assets, by hour of arrival, and read by hour of the calls' own time: a record that comes late makes the "
            "hours of its call due again. There is nothing to run."
        ),
    )


def hourly_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The event-time tables: one operation for a window of hours."""
    hours = event_hours(settings)
    specs = model_specs(manifest, "hourly", namespace(settings), hours, None)
    checks = check_specs(manifest, "hourly", specs, hours)
    if settings.quality.enabled:
        checks += expectation_specs(expectations_of(settings.quality.severities, batches=False), hours)

    @dg.multi_asset(
        name="event_time_tables",
        specs=specs,
        check_specs=checks,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
    )
    def event_time_tables(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        now = platform.settings()
        lake, project = platform.lake(now), platform.project(now)
        show_lineage(context)
        run = RunInfo(context.run.run_id, datetime.now(UTC))
        chunks = run_window(context).chunks(now.warehouse.max_hours_per_run * HOUR)
        yield from shown(context, now, (build_hours(lake, now, project, chunk, run) for chunk in chunks))

    return event_time_tables


def daily_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The tables by billing date: one operation for consecutive dates."""
    days = billing_days(settings)
    specs = model_specs(manifest, "daily", namespace(settings), days, days_from_hours())

    @dg.multi_asset(
        name="billing_date_tables",
        specs=specs,
        check_specs=check_specs(manifest, "daily", specs, days),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
    )
    def billing_date_tables(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        now = platform.settings()
        lake, project = platform.lake(now), platform.project(now)
        show_lineage(context)
        run = RunInfo(context.run.run_id, datetime.now(UTC))
        chunks = run_window(context).chunks(LONGEST_DAYS * DAY)
        yield from shown(context, now, (build_days(lake, now, project, chunk, run) for chunk in chunks))

    return billing_date_tables


def namespace(settings: Settings) -> str:
    """Catalog and namespace, as table names show them."""
    return f"{settings.catalog.name}.{settings.catalog.namespace}"


def shown(context: dg.AssetExecutionContext, settings: Settings, builds: Iterator[BuildReport]) -> Iterator[Any]:
    """Run the builds; their tables as materializations and their tests as check results, or why one failed."""
    reports: list[BuildReport] = []
    most = settings.quality.partition_checks
    try:
        reports.extend(builds)
    except AuditFailed as failure:
        report = combined([*reports, failure.report])
        yield from results(context, _outcomes(report), report.window, most)
        raise dg.Failure(str(failure), allow_retries=False) from failure
    except Superseded as other:
        why = {"why": dg.MetadataValue.text(str(other))}
        raise dg.Failure(SUPERSEDED, metadata=why, allow_retries=False) from other
    report = combined(reports)
    with written_together(context.instance):
        for key in context.assets_def.keys_by_output_name.values():  # each after those that it reads
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=table_entries(report, key.path[-1]))
        yield from results(context, _outcomes(report), report.window, most)


def _outcomes(report: BuildReport) -> Iterator[Outcome]:
    """Data tests that ran, and expectations."""
    for result in report.results:
        if result.is_test and result.status != "skipped":
            yield _outcome(result, report)
    yield from map(outcome_of, report.findings)


def _outcome(result: NodeResult, report: BuildReport) -> Outcome:
    return Outcome(
        result.name,
        result.status == "pass",
        dg.AssetCheckSeverity.WARN if result.severity == "warn" else dg.AssetCheckSeverity.ERROR,
        check_entries(result, report.examples.get(result.unique_id, ""), report.window),
        frozenset(report.at_fault.get(result.name, ())),
    )
