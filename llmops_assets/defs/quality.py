"""The control tables about the other tables: which windows are complete, checked, late or restated, what became
of everything that the sources delivered, what has no price, and the prices that there are.

Thin: the work is `llmops_assets.warehouse.quality`, `.coverage` and `.unpriced`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from llmops_assets.defs.materialized import commit_entries
from llmops_assets.defs.presentation import TRUST
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.price_tables import PRICE_BOOK, UNPRICED, UNPRICED_CALLS
from llmops_assets.tables import CONSERVATION, COVERAGE, QUALITY, RAW
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.warehouse.quality import write_quality
from llmops_assets.warehouse.unpriced import Unpriced, write_price_book, write_unpriced

ACCOUNTED = "every_record_is_accounted_for"
PRICED = "calls_have_a_price"
EXAMPLES = 3
ADD_A_PRICE = (
    "for a deployment or a profile add [[prices.alias]] with its model to llmops.toml, for a model of your own "
    "[[prices.model]] with its prices; for a model that the price book lacks, update genai-prices and run `llmops "
    "prices update`. Then build the hours again that are to have the price: docs/prices.md."
)


def quality_keys() -> list[dg.AssetKey]:
    """The asset keys of the tables."""
    return [dg.AssetKey(table) for table in (COVERAGE, QUALITY, UNPRICED, PRICE_BOOK)]


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
        dg.AssetSpec(
            UNPRICED,
            deps=[UNPRICED_CALLS],
            group_name=TRUST,
            kinds={"iceberg"},
            description=(
                "One row per provider and model that has calls without a list price: how many, with how many tokens, "
                "first and last seen.\n\nSource: `unpriced_calls`, `published_windows`. Not partitioned; a re-run "
                "makes the whole table again. The check says how to add a price."
            ),
        ),
        dg.AssetSpec(
            PRICE_BOOK,
            group_name=TRUST,
            kinds={"iceberg"},
            description=(
                "One row per price version, provider, model, service tier, time of validity, size and meter.\n\n"
                "Source: the price books of the package. Not partitioned; written again when a version is added, which "
                "changes no row of another but the end of what was known. `llmops prices show` asks it."
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
        ),
        dg.AssetCheckSpec(
            PRICED,
            asset=dg.AssetKey(UNPRICED),
            description=(
                "Of the calls of the newest seven days at most the share `prices.max_unpriced_share` has no list "
                f"price.\n\nIf it warns: {ADD_A_PRICE}"
            ),
        ),
    ],
)
def control_tables(platform: PlatformResource) -> Iterator[Any]:
    """Write the tables again; the last says that all were made."""
    settings = platform.settings()
    lake = platform.lake(settings)
    coverage = write_coverage(lake, settings)
    yield dg.MaterializeResult(asset_key=COVERAGE, metadata=commit_entries(COVERAGE, coverage.commit))
    yield _accounted(coverage.unaccounted)
    unpriced = write_unpriced(lake, settings)
    yield dg.MaterializeResult(asset_key=UNPRICED, metadata=commit_entries(UNPRICED, unpriced.commit))
    yield _priced(unpriced, settings.prices.max_unpriced_share)
    book = write_price_book(lake, settings)
    yield dg.MaterializeResult(asset_key=PRICE_BOOK, metadata=commit_entries(PRICE_BOOK, book) if book else {})
    yield dg.MaterializeResult(asset_key=QUALITY, metadata=commit_entries(QUALITY, write_quality(lake, settings)))


def _priced(unpriced: Unpriced, most: float) -> dg.AssetCheckResult:
    passed = unpriced.share <= most
    models = "\n".join(f"{provider} {model}: {calls:,} calls" for provider, model, calls in unpriced.worst)
    told = {"examples": dg.MetadataValue.text(models)} if models else {}
    if not passed:
        told["what_to_do"] = dg.MetadataValue.text(ADD_A_PRICE)
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=UNPRICED,
        check_name=PRICED,
        metadata={
            "observed": dg.MetadataValue.text(
                f"{unpriced.unpriced_calls:,} of {unpriced.calls:,} calls ({unpriced.share:.2%}) have no list price"
            ),
            "bounds": dg.MetadataValue.text(f"at most {most:.2%} (prices.max_unpriced_share)"),
            "look": dg.MetadataValue.text(f'llmops sql "from {UNPRICED} order by recent_calls desc"'),
            **told,
        },
    )


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
