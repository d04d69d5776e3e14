"""Asset checks by partition: their specs, and their results for one partition or for a range of them.

Dagster 1.13 gives a result of a range run no partition, so that a later run of one healthy hour would hide a
failure of another. Here every partition gets a result of its own, aimed at the rows that the lake has for it
now. A result costs about a millisecond, so runs of very many partitions outside of a backfill record passed
checks once.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from llmops_assets.defs.context import run_window
from llmops_assets.defs.event_log import written_together
from llmops_assets.expectations import Expectation, Finding
from llmops_assets.windows import Window

BACKFILL = "dagster/backfill"
LOOKED_UP_AT_ONCE = 1000


@dataclass(frozen=True)
class Outcome:
    """What became of a check in a run; `at_fault` are the starts of the windows that failed it."""

    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    metadata: Mapping[str, dg.MetadataValue]
    at_fault: frozenset[datetime] = field(default=frozenset())


def partitioned_spec(
    name: str,
    asset: dg.AssetKey,
    partitions: dg.PartitionsDefinition[str] | None,
    *,
    description: str,
    blocking: bool,
) -> dg.AssetCheckSpec:
    """A check that has a status for every partition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=asset, description=description, blocking=blocking, partitions_def=partitions
        )


def expectation_specs(
    expectations: Iterable[Expectation],
    partitions: dg.PartitionsDefinition[str] | None,
    asset: dg.AssetKey | None = None,
) -> list[dg.AssetCheckSpec]:
    """A check per expectation, of `asset` or else of the table that it is about."""
    return [
        partitioned_spec(
            one.name,
            asset or dg.AssetKey(one.table),
            partitions,
            description=f"{one.meaning}\n\nIf it fails: {one.cure}",
            blocking=one.blocking,
        )
        for one in expectations
    ]


def outcome_of(finding: Finding) -> Outcome:
    """A finding as a check's result, with what a reader needs to act."""
    metadata: dict[str, dg.MetadataValue] = {
        "observed": dg.MetadataValue.text(finding.observed),
        "bounds": dg.MetadataValue.text(finding.bounds),
    }
    if not finding.passed:
        metadata |= {
            # Text, because the page of a check hides Markdown of any length behind a button.
            "examples": dg.MetadataValue.text(_lines(finding.examples)),
            "look": dg.MetadataValue.text(finding.command),
            "what_to_do": dg.MetadataValue.text(finding.expectation.cure),
        }
    severity = dg.AssetCheckSeverity.ERROR if finding.expectation.blocking else dg.AssetCheckSeverity.WARN
    return Outcome(finding.name, finding.passed, severity, metadata, frozenset(finding.hours))


def results(
    context: dg.AssetExecutionContext, outcomes: Iterable[Outcome], judged: Window, most_partitions: int
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """The results of the run's checks, by partition in `judged`; call after the materializations were yielded.

    A check without an outcome, because what it reads was not built, has none.
    """
    by_name = {outcome.name: outcome for outcome in outcomes}
    starts = {key: start for key, start in _starts(context).items() if start in judged}
    keys = list(starts)
    whole = len(keys) > most_partitions and BACKFILL not in context.run.tags
    with written_together(context.instance):
        for asset in sorted({check.asset_key for check in context.selected_asset_check_keys}):
            latest = _latest_materializations(context.instance, asset, keys)
            for check in sorted(one for one in context.selected_asset_check_keys if one.asset_key == asset):
                outcome = by_name.get(check.name)
                if outcome is not None:
                    spec = context.assets_def.get_spec_for_check_key(check)
                    for key in [None, *(key for key in keys if starts[key] in outcome.at_fault)] if whole else keys:
                        passed = outcome.passed or (key is not None and starts[key] not in outcome.at_fault)
                        yield _evaluation(spec, outcome, key, latest.get(key or ""), passed=passed)
                yield dg.Output(None, context.assets_def.get_output_name_for_asset_check_key(check))


def _evaluation(
    spec: dg.AssetCheckSpec, outcome: Outcome, partition: str | None, target: Any, *, passed: bool
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=passed,
        metadata=outcome.metadata,
        severity=outcome.severity,
        blocking=spec.blocking,
        partition=partition,
        target_materialization_data=target,
    )


def _starts(context: dg.AssetExecutionContext) -> dict[str, datetime]:
    """The start of every partition of the run."""
    keys, window = list(context.partition_keys), run_window(context)
    pieces = window.chunks((window.end - window.start) / len(keys))
    return {key: piece.start for key, piece in zip(keys, pieces, strict=True)}


def _latest_materializations(instance: dg.DagsterInstance, asset: dg.AssetKey, keys: list[str]) -> dict[str, Any]:
    """What results of each partition are about: its newest materialization, if it has one."""
    # The only way to say so: without it Dagster takes a result for one about older rows and shows no status.
    # It has no public name in 1.13.
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData as Target,
    )

    found: dict[str, Any] = {}
    cursor = None
    while len(found) < len(keys):
        wanted = dg.AssetRecordsFilter(asset, asset_partitions=[key for key in keys if key not in found])
        page = instance.fetch_materializations(wanted, limit=LOOKED_UP_AT_ONCE, cursor=cursor)
        for record in page.records:
            target = Target(storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp)
            found.setdefault(record.partition_key or "", target)
        if not page.has_more:
            break
        cursor = page.cursor
    return found


def _lines(examples: Iterable[Mapping[str, str]]) -> str:
    """Rows as lines of `name=value`."""
    return "\n".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in examples) or "no rows"
