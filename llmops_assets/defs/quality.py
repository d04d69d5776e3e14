"""The control tables about the other tables: which windows are complete, checked, late or restated, and what
became of everything that the sources delivered.

Thin: the work is `llmops_assets.warehouse.quality` and `.coverage`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from llmops_assets.defs.materialized import commit_entries
from llmops_assets.defs.presentation import TRUST
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.tables import CONSERVATION, COVERAGE, QUALITY, RAW
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.warehouse.quality import write_quality

ACCOUNTED = "every_record_is_accounted_for"
EXAMPLES = 3


def quality_keys() -> list[dg.AssetKey]:
    """The asset keys of the tables."""
    return [dg.AssetKey(COVERAGE), dg.AssetKey(QUALITY)]


@dg.multi_asset(
    name="control_tables",
    specs=[
        dg.AssetSpec(
            COVERAGE,
            deps=[RAW, CONSERVATION],
            group_name=TRUST,
            kinds={"iceberg"},
            description=(
                "One row per source and hour of arrival: what was listed and read, and what became of every record: "
                "rejected, a call, a duplicate or a conflict.\n\nSource: `ingest_ledger`, `event_conservation`. Not "
                "partitioned; a re-run makes the whole table again. `llmops ledger` prints it."
            ),
        ),
        dg.AssetSpec(
            QUALITY,
            deps=["llm_requests", "tenant_cost_daily"],
            group_name=TRUST,
            kinds={"iceberg"},
            description=(
                "One row per table and published window: whether all of its arrivals were taken in, its rows and "
                "checks at the publish, how late its records were, and when it was last restated.\n\nSource: "
                "`ingest_ledger`, `published_windows`. Not partitioned; a re-run makes the whole table again."
            ),
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            ACCOUNTED,
            asset=dg.AssetKey(COVERAGE),
            blocking=True,
            description=(
                "In every hour of arrival of every source, records = accepted + rejected + not_a_call + report, and, "
                "once the hours of its calls are built, accepted = events + exact_duplicates + conflicts + "
                "reconciliation_records.\n\nIf it "
                "fails: materialize the source's hour, then the event hours of its calls; the ledger is made again "
                "from the raw records. If it fails still, it is a defect: please report it with the row."
            ),
        )
    ],
)
def control_tables(platform: PlatformResource) -> Iterator[Any]:
    """Write the tables again; the second says that both were made."""
    settings = platform.settings()
    lake = platform.lake(settings)
    coverage = write_coverage(lake, settings)
    yield dg.MaterializeResult(asset_key=COVERAGE, metadata=commit_entries(COVERAGE, coverage.commit))
    yield _accounted(coverage.unaccounted)
    yield dg.MaterializeResult(asset_key=QUALITY, metadata=commit_entries(QUALITY, write_quality(lake, settings)))


def _accounted(wrong: list[tuple[str, datetime, dict[str, int]]]) -> dg.AssetCheckResult:
    rows = [
        f"{source} {hour:%Y-%m-%dT%H:%MZ}: " + ", ".join(f"{name} {count}" for name, count in counts.items())
        for source, hour, counts in wrong[:EXAMPLES]
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        asset_key=COVERAGE,
        check_name=ACCOUNTED,
        metadata={
            "hours": dg.MetadataValue.int(len(wrong)),
            **({"examples": dg.MetadataValue.text("\n".join(rows))} if rows else {}),
            "look": dg.MetadataValue.text("llmops ledger --by hour"),
        },
    )
