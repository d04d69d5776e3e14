"""The control table about the other tables: which windows are complete, checked, late or restated.

Thin: the work is `llmops_assets.warehouse.quality`.
"""

import dagster as dg

from llmops_assets.defs.materialized import commit_entries
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.tables import QUALITY
from llmops_assets.warehouse.quality import write_quality


def quality_key() -> dg.AssetKey:
    """The asset key of the table."""
    return dg.AssetKey(QUALITY)


@dg.asset(
    key=QUALITY,
    deps=["llm_requests", "tenant_cost_daily"],
    group_name="quality",
    kinds={"iceberg"},
    description=(
        "One row per table and published window: whether all of its arrivals were taken in, its rows and checks at "
        "the publish, how late its records were, and when it was last restated.\n\nSource: `ingest_ledger`, "
        "`published_windows`. Not partitioned; a re-run makes the whole table again."
    ),
)
def data_quality_windows(platform: PlatformResource) -> dg.MaterializeResult[None]:
    """Write the table again."""
    settings = platform.settings()
    commit = write_quality(platform.lake(settings), settings)
    return dg.MaterializeResult(metadata=commit_entries(QUALITY, commit))
