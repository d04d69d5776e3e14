"""What the UI shows of a run: lines, tables that fit in place, and what to do after a failure."""

from datetime import UTC, datetime
from decimal import Decimal

from llmops_assets.defs.materialized import (
    SHOWN_IN_PLACE,
    check_entries,
    markdown_table,
    source_entries,
    sparkline,
    table_entries,
    what_to_do,
)
from llmops_assets.ingest import RefreshReport
from llmops_assets.lake import Commit
from llmops_assets.warehouse import BuildReport
from llmops_assets.warehouse.dbt import NodeResult
from llmops_assets.warehouse.preview import Look
from llmops_assets.windows import HOUR, Window

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
WINDOW = Window(START, START + HOUR)


def result(status: str, severity: str = "error") -> NodeResult:
    """A data test that found two rows, or none."""
    failures = 0 if status == "pass" else 2
    return NodeResult("test.x.t", "t", "test", status, severity, failures, 0.1, "Got 2 results", "select 1")


def test_a_line_runs_from_zero_to_the_greatest_with_a_dot_where_nothing_is() -> None:
    # 14 is the highest of eight bars, 0 the lowest; 6 is at 3 of 7.
    assert sparkline([0, 6, None, 14]) == "▁▄·█"
    assert sparkline([None, 0]) == "·▁"


def test_a_table_holds_as_many_rows_as_the_ui_shows_in_place() -> None:
    shown = markdown_table(("a", "b"), [("x" * 30, number) for number in range(100)])
    assert len(shown) < SHOWN_IN_PLACE
    assert 20 < len(shown.splitlines()) - 2 < 28  # each row is 37 or 38 characters


def test_cells_are_short_and_cannot_break_the_table() -> None:
    row = ("a|b", "two\nlines", "y" * 50, None, Decimal("0.000123456"), Decimal("1234.5678"), START)
    line = markdown_table(tuple("abcdefg"), [row]).splitlines()[-1]
    assert line == f"| a\\|b | two lines | {'y' * 39}… |  | 0.0001235 | 1234.57 | 2\u00a0Nov\u00a009:00 |"


def test_a_table_shows_window_rows_bytes_seconds_line_and_preview() -> None:
    model = NodeResult("model.x.costs", "costs", "model", "success", "error", 0, 1.25, "", "")
    look = Look(WINDOW, ("model",), (("small",),), HOUR / 4, {"calls": [1, None, 2, 4]})
    report = BuildReport(WINDOW, [model], {"costs": Commit(7, 3, 20, 4096, 1)}, looks={"costs": look})
    entries = {name: entry.value for name, entry in table_entries(report, "costs").items()}
    assert entries["window"] == "2026-11-02T09:00Z/2026-11-02T10:00Z"
    assert (entries["dagster/row_count"], entries["bytes"], entries["seconds"]) == (20, 4096, 1.25)
    assert entries["preview"] == "| model |\n|---|\n| small |"
    assert "| calls | `▃·▅█` | 1 | 4 | 7 |" in str(entries["per_15_minutes"])


def test_one_point_is_no_line() -> None:
    look = Look(WINDOW, (), (), HOUR, {"calls": [3]})
    entries = table_entries(BuildReport(WINDOW, [], looks={"costs": look}), "costs")
    assert entries.keys() == {"window", "seconds"}


def test_a_source_shows_outcomes_and_reasons_and_no_record() -> None:
    report = RefreshReport(
        WINDOW,
        objects=2,
        bytes=100,
        outcomes={"rejected": 3, "accepted": 40},
        rejects={"bad_type": 1, "malformed_json": 2},
        touched_hours=[START, START + HOUR, START + 5 * HOUR],
    )
    entries = {name: entry.value for name, entry in source_entries(report, 0.5).items()}
    assert str(entries["outcomes"]).splitlines()[2:] == [
        "| accepted |  | 40 |",
        "| rejected |  | 3 |",
        "|  | malformed_json | 2 |",
        "|  | bad_type | 1 |",
    ]
    assert entries["dagster/row_count"] == 43
    assert entries["touched_event_hours"] == [
        "2026-11-02T09:00Z/2026-11-02T11:00Z",
        "2026-11-02T14:00Z/2026-11-02T15:00Z",
    ]


def test_a_passed_check_asks_for_nothing() -> None:
    assert check_entries(result("pass"), "", WINDOW).keys() == {"failing_rows", "window"}


def test_a_failed_check_leads_to_the_records_of_the_call_that_its_row_names() -> None:
    entries = check_entries(result("fail"), "    broken=['x'], event_id=req_1:2, tokens=-3", WINDOW)
    advice = str(entries["what_to_do"].value)
    assert "Nothing of the window was published" in advice
    assert "llmops sql \"select * from raw_llm_events where event_id = 'req_1:2'\"" in advice


def test_a_failed_check_of_sums_leads_to_the_records_of_the_window() -> None:
    advice = what_to_do(result("fail"), "    hour=9, requests_expected=3, requests_found=2", WINDOW)
    assert "event_time >= '2026-11-02T09:00Z' and event_time < '2026-11-02T10:00Z'" in advice


def test_a_quoted_event_id_never_gets_into_a_query() -> None:
    assert "event_id = " not in what_to_do(result("fail"), "    event_id='; drop table x", WINDOW)


def test_a_warning_says_that_the_window_was_published() -> None:
    assert what_to_do(result("warn", "warn"), "", WINDOW).startswith("The window was published all the same")
