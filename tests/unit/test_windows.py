"""Windows are half-open, in UTC, and merge into maximal ranges."""

from datetime import UTC, datetime, timedelta

import pytest

from llmops_assets.windows import HOUR, Window, contiguous, hour_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(NOON, NOON + HOUR)
    assert NOON in window
    assert NOON + HOUR not in window
    assert NOON + HOUR - timedelta(microseconds=1) in window


def test_a_naive_or_foreign_time_is_refused() -> None:
    with pytest.raises(ValueError, match="not in UTC"):
        Window(NOON.replace(tzinfo=None), NOON)


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Window(NOON + HOUR, NOON)


def test_hours_are_merged_only_where_they_touch() -> None:
    starts = [NOON + 3 * HOUR, NOON, NOON + HOUR, NOON]
    assert contiguous(starts) == [Window(NOON, NOON + 2 * HOUR), Window(NOON + 3 * HOUR, NOON + 4 * HOUR)]


def test_a_window_touches_every_hour_it_overlaps() -> None:
    window = Window(NOON + timedelta(minutes=59), NOON + HOUR + timedelta(minutes=1))
    assert [hour.start for hour in window.hours()] == [NOON, NOON + HOUR]
    assert hour_of(NOON + timedelta(minutes=59)) == NOON
