"""How assets look in the UI: owner, tags, grain, freshness and column schema, the same way for all of them.

Belongs here: what Dagster shows of an asset's definition, read off its group, partitions and description,
so that a new table needs nothing of its own. What a materialization shows is `defs.materialized`.
"""

import re
from datetime import timedelta
from typing import Any

import dagster as dg

from llmops_assets.orchestration_settings import FreshnessSettings
from llmops_assets.price_tables import PRICE_BOOK_SPEC, UNPRICED_SPEC
from llmops_assets.settings import Settings
from llmops_assets.tables import COVERAGE_SPEC, QUALITY_SPEC, RAW, RAW_SPEC

INGEST, METRICS, MONEY, TRUST, REPORTS = "ingest", "metrics", "money", "quality", "reports"
"""Groups, along the flow of the data; the UI sorts them by name, which is the same order."""

_TAGS = {
    INGEST: {"domain": "ingestion", "layer": "raw"},
    METRICS: {"domain": "operations", "layer": "mart"},
    MONEY: {"domain": "billing", "layer": "mart"},
    TRUST: {"domain": "data-quality", "layer": "control"},
    REPORTS: {"domain": "cost-optimization", "layer": "report"},
}
_GRAIN = re.compile(r"\bone row per\s+([^.;]+)", re.IGNORECASE)
_SPECS = {"raw": RAW_SPEC} | {
    spec.name: spec for spec in (RAW_SPEC, QUALITY_SPEC, COVERAGE_SPEC, UNPRICED_SPEC, PRICE_BOOK_SPEC)
}
"""Tables that Python writes, by the first part of their assets' keys."""
WARNING = timedelta(hours=1)
"""How long before its deadline an asset is shown as nearly late."""


def presented(found: dg.Definitions, settings: Settings) -> dg.Definitions:
    """The definitions, each asset with what every asset has; what an asset says itself stands."""
    shown = dg.map_asset_specs(lambda spec: _shown(spec, settings), _assets(found))
    return dg.Definitions(
        assets=shown,
        asset_checks=found.asset_checks,
        schedules=found.schedules,
        sensors=found.sensors,
        jobs=found.jobs,
        resources=found.resources,
        executor=found.executor,
        loggers=found.loggers,
        metadata=found.metadata,
        component_tree=found.component_tree,
    )


def _assets(found: dg.Definitions) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    return [one for one in found.assets or [] if isinstance(one, dg.AssetsDefinition | dg.AssetSpec)]


def _shown(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    name, group = spec.key.to_user_string(), spec.group_name or ""
    cadence = _cadence(spec.partitions_def)
    grain = _GRAIN.search(spec.description or "")
    said = {"grain": "one row per " + " ".join(grain[1].split())} if grain else {}
    return spec.replace_attributes(
        owners=spec.owners or [settings.ui.owner_of(name, group)],
        tags={**_TAGS.get(group, {}), "cadence": cadence, **spec.tags},
        metadata={**said, **_table(spec.key, settings), **spec.metadata},
        freshness_policy=spec.freshness_policy or (None if name == RAW else _freshness(cadence, settings.freshness)),
    )


def _table(key: dg.AssetKey, settings: Settings) -> dict[str, Any]:
    """Where a table that Python writes lies in the lake, and its columns; those of models come from their contracts."""
    table = _SPECS.get(key.path[0])
    if table is None:
        return {}
    columns = [dg.TableColumn(one.name, one.type, one.doc) for one in table.columns]
    return {
        "dagster/table_name": f"{settings.catalog.name}.{settings.catalog.namespace}.{table.name}",
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def _cadence(partitions: dg.PartitionsDefinition[str] | None) -> str:
    if partitions is None:
        return "on-change"
    return "hourly" if isinstance(partitions, dg.HourlyPartitionsDefinition) else "daily"


def _freshness(cadence: str, limits: FreshnessSettings) -> dg.FreshnessPolicy:
    """The policy by wall clock: Dagster's policies do not look at partitions."""
    late = timedelta(hours=limits.daily_hours if cadence == "daily" else limits.hourly_hours)
    return dg.FreshnessPolicy.time_window(fail_window=late, warn_window=late - WARNING)
