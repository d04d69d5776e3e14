"""The check that a Kafka source keeps up with its topics: it warns, and never keeps rows from being published."""

from collections.abc import Iterator

import dagster as dg

from llmops_assets.defs.checks import Outcome, partitioned_spec
from llmops_assets.ingest import RefreshReport
from llmops_assets.source_settings import AnySource
from llmops_assets.windows import Window

KEEPS_UP = "keeps_up_with_its_topics"


def lag_specs(
    source: AnySource, partitions: dg.PartitionsDefinition[str], asset: dg.AssetKey
) -> list[dg.AssetCheckSpec]:
    """The check of a Kafka source; none of other kinds."""
    if source.kind != "kafka":
        return []
    about = (
        "No partition is further behind than max_lag_records and max_lag_seconds, where they are set.\n\nIf it fails: "
        "see lag in the metadata of the materialization; an open transaction holds a partition back, too few runs all."
    )
    return [partitioned_spec(KEEPS_UP, asset, partitions, description=about, blocking=False)]


def lag_outcomes(report: RefreshReport, window: Window) -> Iterator[Outcome]:
    """What became of the check after a refresh of `window`."""
    if report.kafka is None:
        return
    behind = report.kafka.behind
    words = [f"{lag.place}: {lag.records} records, {lag.seconds or 0:.0f} s" for lag in behind]
    metadata = {"behind": dg.MetadataValue.text("; ".join(words) or "no partition")}
    last = frozenset({window.hours()[-1].start}) if behind else frozenset()
    yield Outcome(KEEPS_UP, not behind, dg.AssetCheckSeverity.WARN, metadata, last)
