"""One asset per configured source: its raw records, by arrival hour.

Thin: the work is `llmops_assets.ingest.refresh`. What is due is read from the lake, so an asset may be
materialized by hand, by backfill or by `llmops sync`, in any order and at the same time. What is unusual about
the batch is judged after its rows are in the lake; a broken invariant keeps what comes after from running.
"""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from llmops_assets.config_file import ConfigError
from llmops_assets.defs.checks import Outcome, expectation_specs, outcome_of, partitioned_spec, results
from llmops_assets.defs.context import RETRIES, run_window
from llmops_assets.defs.lag import lag_outcomes, lag_specs
from llmops_assets.defs.materialized import source_entries, unread_entries
from llmops_assets.defs.partitions import arrival_hours
from llmops_assets.defs.presentation import INGEST
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.expectations import Finding, examine_batches, expectations_of, warm_up
from llmops_assets.ingest import RefreshReport, refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource, SourceSettings
from llmops_assets.sources.kafka.gaps import MissingRecords
from llmops_assets.windows import HOUR, Window, hour_of

READ_CHECK = "every_object_was_read"


@dg.definitions
def ingestion() -> dg.Definitions:
    """An asset for every source of the settings."""
    settings = Settings.load()
    return dg.Definitions(assets=[source_asset(source, settings) for source in settings.source])


def source_key(source: str) -> dg.AssetKey:
    """The asset key of a source."""
    return dg.AssetKey(["raw", source])


def source_asset(source: AnySource, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one source."""

    hours, key = arrival_hours(settings), source_key(source.name)
    expected = expectations_of(settings.quality.severities, batches=True) if settings.quality.enabled else ()

    @dg.asset(
        key=key,
        partitions_def=hours,
        check_specs=[
            *expectation_specs(expected, hours, key),
            *([read_spec(key, hours)] if isinstance(source, SourceSettings) else []),
            *lag_specs(source, hours, key),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        group_name=INGEST,
        kinds={*source.technologies, "iceberg"},
        description=_description(source),
        metadata={"uri": source.place, "layout": _layout(source), "format": source.format},
    )
    def raw_records(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        now, started = platform.settings(), time.monotonic()
        if now.quality.enabled:
            warm_up()
        lake, window = platform.lake(now), run_window(context)
        run = Run(context.run.run_id, datetime.now(UTC), now.scratch / context.run.run_id)
        try:
            report = refresh(lake, now, _configured(now, source.name), window, run)
        except MissingRecords as error:  # what is lost does not come back by trying again
            raise dg.Failure(str(error), allow_retries=False) from error
        yield dg.MaterializeResult(metadata=source_entries(report, time.monotonic() - started))
        findings = _judged(lake, now, source.name, window, run)
        outcomes = [*map(outcome_of, findings), read_outcome(report), *lag_outcomes(report, window)]
        yield from results(context, outcomes, window, now.quality.partition_checks)
        if broken := [finding.sentence() for finding in findings if finding.failed]:
            why = f"{source.name} {window}: an invariant is broken\n" + "\n".join(broken)
            raise dg.Failure(why, allow_retries=False)

    return raw_records


def read_spec(key: dg.AssetKey, hours: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """The check that nothing of an hour is missing."""
    return partitioned_spec(
        READ_CHECK,
        key,
        hours,
        description="Every object of the hour could be read. One that could not is missing from the tables, the "
        "other objects are not; windows that lack it do not count as complete, and it is tried again by itself.",
        blocking=False,
    )


def read_outcome(report: RefreshReport) -> Outcome:
    """What a refresh could not read."""
    return Outcome(
        READ_CHECK,
        not report.failures,
        dg.AssetCheckSeverity.WARN,
        unread_entries(report.failures),
        frozenset(report.failed_hours),
    )


def _judged(lake: Lake, settings: Settings, source: str, window: Window, run: Run) -> list[Finding]:
    """What became of the expectations for the hours of `window` that have begun."""
    started = Window(window.start, max(window.start, min(window.end, hour_of(run.started_at) + HOUR)))
    if not settings.quality.enabled or started.start == started.end:
        return []
    try:
        return examine_batches(lake, settings, source, started, run.scratch)
    finally:
        shutil.rmtree(run.scratch, ignore_errors=True)


def _configured(settings: Settings, name: str) -> AnySource:
    for source in settings.source:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in settings.source) or "none"
    raise ConfigError(f"source {name} is no longer configured (configured: {names}): reload the code location")


def _description(source: AnySource) -> str:
    return (
        f"One row per raw record that source `{source.name}` delivered, accepted or rejected, with its position.\n\n"
        f"Source: `{source.place}`. A partition is an hour by arrival. {_rerun(source)} "
        "All sources write the lake table `raw_llm_events`."
    )


def _layout(source: AnySource) -> str:
    if isinstance(source, KafkaSettings):
        return "by the snapshot that read the offset"
    return source.layout or "by last-modified"


def _rerun(source: AnySource) -> str:
    if isinstance(source, KafkaSettings):
        return (
            "A re-run of the running hour reads on from the recorded offsets (`kafka_snapshots`); of an earlier hour "
            "it reads recorded ranges whose rows are missing, and changes nothing otherwise."
        )
    return "A re-run takes in new and changed objects of the hour and changes nothing otherwise."
