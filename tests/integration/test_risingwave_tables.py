"""Each table that the RisingWave tutorial prints, made from calls that were worked out by hand.

How each input was found is told beside the files, in `tests/fixtures/risingwave`.
"""

import csv
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from seed_pipeline import FIXTURES, TUTORIAL, published_seeds, rows_of

from llmops_assets.lake import Lake

SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"

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


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return published_seeds(tmp_path_factory.getbasetemp() / "seeds")


@pytest.mark.integration
@pytest.mark.parametrize("table", TUTORIAL)
def test_the_published_table_is_reproduced_exactly(table: str, lake: Lake) -> None:
    columns, expected = _published(table)
    found = [_rounded(columns, row) for row in rows_of(lake, table, columns, TUTORIAL[table])]
    assert sorted(found) == sorted(tuple(map(_value, columns, row)) for row in expected)


@pytest.mark.parametrize("table", TUTORIAL)
def test_what_is_expected_is_what_the_tutorial_prints(table: str) -> None:
    if not SEEDS.is_dir():
        pytest.skip(f"the tutorial's text is not here: {SEEDS} is absent")
    columns, expected = _published(table)
    assert expected == _printed(columns)


def test_rounding_is_that_of_postgres_away_from_zero() -> None:
    assert _round(328.75, 1) == Decimal("328.8")
    assert _round(168.25, 1) == Decimal("168.3")
    assert _round(Decimal("0.00066650"), 6) == Decimal("0.000667")


def _published(table: str) -> tuple[list[str], list[list[str]]]:
    with (FIXTURES / "risingwave" / f"{table}.expected.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    return columns, rows


def _printed(columns: list[str]) -> list[list[str]]:
    """The rows under the heading of these columns, wherever a seed prints it."""
    for seed in SEEDS.glob("*.txt"):
        cells = [[cell.strip() for cell in line.split("|")] for line in seed.read_text(encoding="utf-8").splitlines()]
        if columns in cells:
            below = cells[cells.index(columns) + 2 :]
            return below[: next(number for number, row in enumerate(below) if len(row) != len(columns))]
    raise AssertionError(f"no seed prints a table of {columns}")


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
