"""An hour prefix is found by its template, and folders that cannot matter are told apart from strays."""

from datetime import UTC, datetime, timedelta

import pytest

from llmops_assets.sources import SourceError
from llmops_assets.sources.layout import Layout
from llmops_assets.windows import Window

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
HOUR = Window(AT, AT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("%Y-%m-%d/%H/", "2026-11-20/15/a.json"),
        ("dt=%Y-%m-%d/hour=%H/", "dt=2026-11-20/hour=15/deeper/a.json"),
        ("%Y/%m/%d/%H", "2026/11/20/15/a.json"),
        ("%H/%d.%m.%Y/", "15/20.11.2026/a.json"),
        ("calls-%Y%m%d%H", "calls-2026112015-part-1.json"),
        ("%Y/%m/%d/%H/%M/", "2026/11/20/15/45/a.json"),
        ("%Y/%Y-%m-%d/%H/", "2026/2026-11-20/15/a.json"),
        ("100%%/%Y-%m-%d/%H/", "100%/2026-11-20/15/a.json"),
        ("/%Y-%m-%d/%H/", "2026-11-20/15/a.json"),
        ("a+b (x)/%Y-%m-%d/%H/", "a+b (x)/2026-11-20/15/a.json"),
    ],
)
def test_the_hour_is_read_from_the_prefix_whatever_the_order_and_the_separators(template: str, key: str) -> None:
    assert Layout.parse(template, "calls").hour(key) == AT


@pytest.mark.parametrize(
    "key",
    [
        "a.json",
        "2026-11-20/a.json",
        "2026-11-20/155/a.json",
        "2026-11-20/24/a.json",
        "2026-13-20/15/a.json",
        "2026-02-30/15/a.json",
        "old/2026-11-20/15/a.json",
        "2026-11-20/15",
    ],
)
def test_a_key_that_does_not_follow_the_layout_has_no_hour(key: str) -> None:
    assert Layout.parse("%Y-%m-%d/%H/", "calls").hour(key) is None


def test_a_number_that_the_layout_repeats_must_be_the_same() -> None:
    assert Layout.parse("%Y/%Y-%m-%d/%H/", "calls").hour("2025/2026-11-20/15/a.json") is None


@pytest.mark.parametrize(("template", "lacking"), [("%Y-%m-%d/", "%H"), ("%H/", "%Y %m %d"), ("daily/", "%Y %m %d %H")])
def test_a_layout_that_lacks_part_of_the_hour_is_refused_with_what_is_missing(template: str, lacking: str) -> None:
    with pytest.raises(SourceError, match=f"source calls: layout '{template}' lacks {lacking}; it needs all of"):
        Layout.parse(template, "calls")


@pytest.mark.parametrize(("template", "bad"), [("%y/%m/%d/%H/", "%y"), ("%Y-%b-%d/%m/%H/", "%b"), ("%Y%m%d%H%", "%")])
def test_a_directive_that_is_no_fixed_width_number_is_refused(template: str, bad: str) -> None:
    with pytest.raises(SourceError, match=f"has {bad}; allowed are"):
        Layout.parse(template, "calls")


@pytest.mark.parametrize(
    ("folder", "skipped", "stray"),
    [
        ("2026/", False, False),
        ("2025/", True, False),
        ("2026/11/", False, False),
        ("2026/12/", True, False),
        ("2026/11/20/", False, False),
        ("2026/11/20/15/", False, False),
        ("2026/11/20/16/", True, False),
        ("2026/13/", False, True),
        ("2026/11/31/", False, True),
        ("archive/", False, True),
        ("2026/notes/", False, True),
        ("20266/", False, True),
    ],
)
def test_a_folder_is_skipped_only_if_it_is_dated_and_outside_the_window(
    folder: str, skipped: bool, stray: bool
) -> None:
    pruning = Layout.parse("%Y/%m/%d/%H/", "calls").prune(HOUR)
    assert (pruning.skips(folder), pruning.is_stray(folder)) == (skipped, stray)


def test_a_leap_day_is_no_stray_before_its_year_is_known() -> None:
    pruning = Layout.parse("%m-%d/%Y/%H/", "calls").prune(HOUR)
    assert pruning.skips("02-29/")
    assert not pruning.is_stray("02-29/")
