"""Rows, tokens and money reconcile between every two neighbouring layers: a change in either is noticed.

One window is built; before it is published, each layer in turn is changed in the scratch database and the test
that must notice is asked again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from states import write_example

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.warehouse import BuildReport, build, build_days, build_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.scratch import Scratch
from llmops_assets.windows import DAY, HOUR, Window, day_of

pytestmark = pytest.mark.integration

NINE = datetime(2026, 11, 1, 9, tzinfo=UTC)

RECORDS = "accepted_records_are_events_duplicates_or_conflicts"
TOKENS = "tokens_and_costs_of_events_are_those_of_their_records"
CALLS = "llm_requests_values_are_possible"
MARTS = "every_operations_mart_adds_up_to_the_requests_of_its_hours"
DAYS = "daily_costs_add_up_to_the_requests_of_their_dates"

_VIEW = "create or replace view {} as select * {} from ({})"
RAW, PRICED = "lake.raw_llm_events", "main.int_llm_requests_priced"

VIEWS = [
    # raw accepted records against deduplicated and priced events
    (RECORDS, RAW, "", "where not (line = 1 and outcome = 'accepted')"),
    (TOKENS, RAW, "replace (tokens_total + 1 as tokens_total)", ""),
    (TOKENS, RAW, "replace (coalesce(reported_cost_usd, 0) + 0.01 as reported_cost_usd)", ""),
    (RECORDS, PRICED, "", "where line > 1"),
    (TOKENS, PRICED, "replace (tokens_total + 1 as tokens_total)", ""),
    # meters and prices against the tokens and costs of the same calls
    (CALLS, PRICED, "replace (meter_cache_read + 1 as meter_cache_read)", ""),
    (CALLS, PRICED, "replace (list_cost_usd / 2 as list_cost_usd)", ""),
    # priced events against the request log
    (MARTS, "main.llm_requests", "", "where line > 1"),
    (MARTS, "main.llm_requests", "replace (tokens_total + 1 as tokens_total)", ""),
    (MARTS, "main.llm_requests", "replace (cost_usd + 0.01 as cost_usd)", ""),
]
TABLES = [
    (MARTS, "llm_operations_metrics", "total_requests = total_requests + 1"),
    (MARTS, "llm_operations_metrics", "tokens_total = tokens_total + 1"),
    (MARTS, "llm_operations_metrics", "total_cost_usd = total_cost_usd + 0.01"),
    (MARTS, "llm_operations_metrics", "list_cost_usd = list_cost_usd + 0.01"),
    (MARTS, "llm_operations_metrics", "reported_cost_usd = coalesce(reported_cost_usd, 0) + 0.01"),
    (MARTS, "token_usage_per_user", "total_tokens = total_tokens + 1"),
    (MARTS, "token_usage_per_user", "total_cost_usd = total_cost_usd + 0.01"),
    (MARTS, "cost_per_model", "total_cost_usd = total_cost_usd + 0.01"),
    (MARTS, "cost_per_user", "total_tokens = total_tokens + 1"),
    (MARTS, "error_rates", "total_requests = total_requests + 1"),
    (MARTS, "model_quality_drift", "completion_tokens = completion_tokens + 1"),
    (MARTS, "latency_percentiles", "request_count = request_count + 1"),
    (MARTS, "latency_histogram", "request_count = request_count + 1"),
]
DAILY = [
    *("requests", "tokens_input", "tokens_output", "tokens_total", "meter_input_uncached", "meter_cache_read"),
    *("meter_output_text", "meter_reasoning", "meter_request", "input_cost_usd", "output_cost_usd", "list_cost_usd"),
    *("cost_usd", "reported_cost_usd", "saved_cost_usd"),
]


def _noticed(place: Scratch, report: BuildReport, test: str, change: str) -> tuple[int, int]:
    """Rows of a test before and after a change of the scratch database, which is taken back."""
    (query,) = (result.compiled for result in report.results if result.name == test)
    with place.open() as connection:
        before = len(connection.execute(query).fetchall())
        connection.begin()
        connection.execute(change)
        after = len(connection.execute(query).fetchall())
        connection.rollback()
    return before, after


def _view(place: Scratch, name: str, columns: str, where: str) -> str:
    """The statement that changes a view into one over what it was."""
    schema, _, table = name.partition(".")
    with place.open() as connection:
        (sql,) = connection.execute(
            "select sql from duckdb_views() where schema_name = ? and view_name = ?", [schema, table]
        ).fetchall()[0]
    inner = sql.partition(" AS ")[2].rstrip().rstrip(";")
    return _VIEW.format(name, columns, inner) + f" {where}"


def test_a_change_in_any_layer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, tuple[int, int]] = {}
    publish = build._publish

    def changed_first(lake: Lake, place: Scratch, project: DbtProject, tag: str, *rest: Any, **more: Any) -> None:
        report: BuildReport = rest[1]
        for test, change in _changes(place, tag).items():
            found[change] = _noticed(place, report, test.partition(" ")[0], change)
        publish(lake, place, project, tag, *rest, **more)

    monkeypatch.setattr(build, "_publish", changed_first)
    _build(tmp_path)
    assert len(found) == len(VIEWS) + len(TABLES) + len(DAILY)
    assert {before for before, _ in found.values()} == {0}
    assert [change for change, (_, after) in found.items() if after == 0] == []


def _changes(place: Scratch, tag: str) -> Mapping[str, str]:
    """Statements by the test that must notice, made unique by a number."""
    if tag == "daily":
        changes = [(DAYS, f"update tenant_cost_daily set {name} = coalesce({name}, 0) + 1") for name in DAILY]
    else:
        changes = [(test, _view(place, name, columns, where)) for test, name, columns, where in VIEWS]
        changes += [(test, f"update {table} set {change}") for test, table, change in TABLES]
    return {f"{test} {number}": change for number, (test, change) in enumerate(changes)}


def _build(folder: Path) -> None:
    config = write_example(folder / "example", calls=300, hours=range(9, 12))
    settings = Settings.load(config).model_copy(update={"home": folder / "home"})
    lake, project = Lake.open(settings.lake_catalog), DbtProject.located(settings.home)
    for source in settings.source:
        run = Run("ingest", datetime.now(UTC), settings.scratch / source.name)
        refresh(lake, settings, source, Window(NINE, NINE + 3 * HOUR), run)
    build_hours(lake, settings, project, Window(NINE, NINE + 2 * HOUR), RunInfo("hours", datetime.now(UTC)))
    day = Window(day_of(NINE), day_of(NINE) + DAY)
    build_days(lake, settings, project, day, RunInfo("day", datetime.now(UTC)))
