"""Bounds from earlier observations, worked out by hand."""

import duckdb
import pytest

from llmops_assets.expectations import bounds
from llmops_assets.quality_settings import QualitySettings


def _bounds(history: list[float], margin: str, settings: QualitySettings) -> tuple[float, float, bool, str]:
    """Lower and upper bound, whether there is enough history, and what is said of it."""
    with duckdb.connect() as connection:
        connection.execute("create table history as select unnest($1::double[]) as x", [history])
        half = bounds.width("x", margin, settings)
        row = connection.execute(
            f"select median(x) - {half}, median(x) + {half}, {bounds.is_known('x', settings)}, "
            f"{bounds.note('x', settings)} from history"
        ).fetchone()
    assert row is not None
    return row


def test_bounds_are_the_median_and_so_many_deviations() -> None:
    # The median of 100, 110, 90, 105, 95 is 100; deviations 0, 10, 10, 5, 5 have the median 5; 6 x 5 = 30.
    found = _bounds([100, 110, 90, 105, 95], "0.1 * median(x)", QualitySettings(mad_factor=6))
    assert found == (70.0, 130.0, True, "median 100.0 of 5 weeks")


def test_a_quiet_history_still_leaves_the_margin() -> None:
    # All weeks had 100: no deviation at all, so half of the median is allowed on either side.
    found = _bounds([100, 100, 100], "0.5 * median(x)", QualitySettings())
    assert found[:2] == (50.0, 150.0)


def test_one_wild_week_moves_the_bounds_little() -> None:
    # Median of 98, 100, 102, 104, 9000 is 102; deviations 4, 2, 0, 2, 8898 have the median 2; 3 x 2 = 6.
    found = _bounds([98, 100, 102, 104, 9000], "0", QualitySettings(mad_factor=3))
    assert found[:2] == (96.0, 108.0)


@pytest.mark.parametrize(("weeks", "known"), [(2, False), (3, True)])
def test_fewer_observations_than_asked_for_are_not_enough(weeks: int, known: bool) -> None:
    found = _bounds([100.0] * weeks, "1", QualitySettings(min_history=3))
    assert found[2] is known
    assert found[3].startswith("median" if known else "not enough history: 2 of 3")
