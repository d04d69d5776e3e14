"""One asset per configured source: its raw records, by arrival hour.

Thin: the work is `llmops_assets.ingest.refresh`. What is due is read from the lake, so an asset may be
materialized by hand, by backfill or by `llmops sync`, in any order and at the same time.
"""

import time
from datetime import UTC, datetime

import dagster as dg

from llmops_assets.config_file import ConfigError
from llmops_assets.defs.context import RETRIES, run_window
from llmops_assets.defs.materialized import source_entries
from llmops_assets.defs.partitions import arrival_hours
from llmops_assets.defs.presentation import INGEST
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.settings import Settings, SourceSettings


@dg.definitions
def ingestion() -> dg.Definitions:
    """An asset for every source of the settings."""
    settings = Settings.load()
    return dg.Definitions(assets=[source_asset(source, settings) for source in settings.source])


def source_key(source: str) -> dg.AssetKey:
    """The asset key of a source."""
    return dg.AssetKey(["raw", source])


def source_asset(source: SourceSettings, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one source."""

    @dg.asset(
        key=source_key(source.name),
        partitions_def=arrival_hours(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        group_name=INGEST,
        kinds={"s3" if source.uri.startswith("s3://") else "file", "iceberg"},
        description=_description(source),
        metadata={"uri": source.uri, "layout": source.layout or "by last-modified", "format": source.format},
    )
    def raw_records(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        settings_now, started = platform.settings(), time.monotonic()
        report = refresh(
            platform.lake(settings_now),
            settings_now,
            _configured(settings_now, source.name),
            run_window(context),
            Run(context.run.run_id, datetime.now(UTC), settings_now.scratch / context.run.run_id),
        )
        return dg.MaterializeResult(metadata=source_entries(report, time.monotonic() - started))

    return raw_records


def _configured(settings: Settings, name: str) -> SourceSettings:
    for source in settings.source:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in settings.source) or "none"
    raise ConfigError(f"source {name} is no longer configured (configured: {names}): reload the code location")


def _description(source: SourceSettings) -> str:
    return (
        f"One row per raw record that source `{source.name}` delivered, accepted or rejected, with its position.\n\n"
        f"Source: `{source.uri}`. A partition is an hour by arrival. A re-run takes in new and changed objects "
        "of the hour and changes nothing otherwise. All sources write the lake table `raw_llm_events`."
    )
