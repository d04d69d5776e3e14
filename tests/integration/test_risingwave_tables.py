"""Each table that the RisingWave tutorial prints, made from calls that were worked out by hand.

How each input was found is told beside the files, in `tests/fixtures/risingwave`.
"""

import csv
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from seed_pipeline import publish_calls, rows_of

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "risingwave"
HOUR = datetime(2025, 3, 12, 14, tzinfo=UTC)

ROUNDED = {
    "avg_tokens_per_request": 1,
    "avg_completion_tokens": 1,
    "error_rate_pct": 2,
    "completion_rate_pct": 2,
    "truncation_rate_pct": 2,
    "total_cost_usd": 4,
    "avg_cost_per_request": 6,
    "cost_per_1k_tokens": 6,
}
"""Decimals of the tutorial's `round(…)` by column; what it does not round is compared as it is."""

TABLES = (
    "token_usage_per_user",
    "latency_percentiles",
    "error_rates",
    "cost_per_model",
    "cost_per_user",
    "model_quality_drift",
)


@pytest.mark.integration
@pytest.mark.parametrize("table", TABLES)
def test_the_published_table_is_reproduced_exactly(table: str, tmp_path: Path) -> None:
    columns, expected = _published(table)
    lake = publish_calls(tmp_path, FIXTURES / f"{table}.ndjson", [HOUR])
    found = [_rounded(columns, row) for row in rows_of(lake, table, columns)]
    assert sorted(found) == sorted(expected)


def test_rounding_is_that_of_postgres_away_from_zero() -> None:
    assert _round(328.75, 1) == Decimal("328.8")
    assert _round(168.25, 1) == Decimal("168.3")
    assert _round(Decimal("0.00066650"), 6) == Decimal("0.000667")


def _published(table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with (FIXTURES / f"{table}.expected.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    return columns, [tuple(_value(column, text) for column, text in zip(columns, row, strict=True)) for row in rows]


def _value(column: str, text: str) -> str | Decimal:
    return text if column in ("user_id", "model") else Decimal(text)


def _rounded(columns: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        value if isinstance(value, str) else _round(value, ROUNDED.get(column))
        for column, value in zip(columns, row, strict=True)
    )


def _round(value: float | Decimal, places: int | None) -> Decimal:
    """The shortest decimal of a double, then rounded as Postgres rounds `numeric`."""
    exact = Decimal(str(value))
    return exact if places is None else exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
