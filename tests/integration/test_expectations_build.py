"""What expectations do to a build: a broken invariant or a broken judge publishes nothing, and a re-run is fine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from states import write_example

from llmops_assets.cli.sql import select
from llmops_assets.duck import connect
from llmops_assets.expectations import ExpectationsError, Finding, client, expectations_of
from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.warehouse import AuditFailed, BuildReport, build, build_days, build_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.due import published
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.quality import write_quality
from llmops_assets.windows import HOUR, Window, day_of

pytestmark = pytest.mark.integration

NINE = datetime(2026, 11, 1, 9, tzinfo=UTC)
WINDOW = Window(NINE, NINE + 2 * HOUR)


@dataclass
class Landed:
    """Records of two arrival hours in a lake of their own; nothing is published."""

    lake: Lake
    settings: Settings

    def build(self, run: str) -> BuildReport:
        """Build and publish the two hours."""
        project = DbtProject.located(self.settings.home)
        return build_hours(self.lake, self.settings, project, WINDOW, RunInfo(run, datetime.now(UTC)))

    def states(self) -> set[str]:
        """States of the published windows."""
        return {row.state for row in published(self.lake, "hour", WINDOW).values()}

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What `llmops sql` answers."""
        with connect() as connection:
            found: list[tuple[object, ...]] = select(self.lake, connection, query).fetchall()
        return found


@pytest.fixture
def landed(tmp_path: Path) -> Landed:
    config = write_example(tmp_path / "example", calls=300, hours=range(9, 12))
    settings = Settings.load(config).model_copy(update={"home": tmp_path / "home"})
    lake = Lake.open(settings.lake_catalog)
    for source in settings.source:
        run = Run("ingest", datetime.now(UTC), settings.scratch / source.name)
        refresh(lake, settings, source, Window(NINE, NINE + 3 * HOUR), run)
    return Landed(lake, settings)


def test_a_judge_that_dies_is_an_error_that_publishes_nothing_and_a_re_run_is_fine(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.close()
    with monkeypatch.context() as broken:
        broken.setattr(client, "WORKER", "llmops_assets.no_such_module")
        with pytest.raises(ExpectationsError, match="suite metrics: its process ended with code 1"):
            landed.build("first")
    assert landed.states() == set()
    assert landed.rows("select * from llm_requests") == []

    report = landed.build("second")
    assert landed.states() == {"published"}
    assert [finding.name for finding in report.findings if not finding.passed] == []


def test_a_broken_invariant_publishes_nothing_and_says_what_to_do(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rates,) = (one for one in expectations_of({}, batches=False) if one.name == "rates_are_shares")
    finding = Finding(rates, False, "error_rate: 1.5", "0 to 1", (NINE,), ({"model": "gpt-4o"},), "select 1")
    monkeypatch.setattr(build, "examine_metrics", lambda *_: [finding])
    with pytest.raises(AuditFailed) as stopped:
        landed.build("first")
    assert "rates_are_shares: error_rate: 1.5, expected 0 to 1" in str(stopped.value)
    assert 'look: llmops sql "select 1"' in str(stopped.value)
    assert landed.states() == set()


def test_without_quality_the_library_is_never_loaded(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    client.close()
    off = landed.settings.quality.model_copy(update={"enabled": False})
    landed.settings = landed.settings.model_copy(update={"quality": off})
    monkeypatch.setattr(client, "WORKER", "llmops_assets.no_such_module")
    assert landed.build("first").findings == []
    assert client._workers == []


def test_quality_is_told_per_table_and_window_and_readers_can_ask_for_complete_ones(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[Sequence[Finding]] = []
    original = build.examine_metrics

    def with_a_warning(*arguments: object) -> list[Finding]:
        """The real findings, with a warning about the second hour."""
        found = original(*arguments)  # type: ignore[arg-type]
        late = Finding(found[-1].expectation, False, "moved", "less", (NINE + HOUR,))
        judged.append([*found[:-1], late])
        return [*found[:-1], late]

    monkeypatch.setattr(build, "examine_metrics", with_a_warning)
    landed.build("hours")
    project = DbtProject.located(landed.settings.home)
    day = Window(day_of(NINE), day_of(NINE) + 24 * HOUR)
    build_days(landed.lake, landed.settings, project, day, RunInfo("day", datetime.now(UTC)))
    write_quality(landed.lake, landed.settings)

    told = (
        "select table_name, extract(hour from window_start) as hour, row_count, checks_warned, is_complete "
        "from data_quality_windows where table_name in ('llm_requests', 'llm_operations_metrics') order by all"
    )
    counted = {
        (table, hour): rows
        for table, column in (("llm_requests", "event_time"), ("llm_operations_metrics", "window_start"))
        for hour, rows in landed.rows(f"select extract(hour from {column}), count(*) from {table} group by all")
    }
    # Arrivals up to 12:00 were taken in; an hour waits for its own and the delay of one more: both are complete.
    assert landed.rows(told) == [
        ("llm_operations_metrics", 9, counted["llm_operations_metrics", 9], 0, True),
        ("llm_operations_metrics", 10, counted["llm_operations_metrics", 10], 1, True),
        ("llm_requests", 9, counted["llm_requests", 9], 0, True),
        ("llm_requests", 10, counted["llm_requests", 10], 0, True),
    ]
    # The day lacks arrivals of all its other hours.
    of_the_day = "select table_name, scope, is_complete, is_published, checks_failed from data_quality_windows"
    assert landed.rows(f"{of_the_day} where scope = 'day' order by all") == [
        ("reused_ids", "day", False, True, 0),
        ("tenant_cost_daily", "day", False, True, 0),
    ]
    assert landed.rows("select count(*) from tenant_cost_daily") != [(0,)]
    assert landed.rows("select count(*) from tenant_cost_daily_complete") == [(0,)]
    assert landed.rows("select count(*) from llm_requests_complete") == landed.rows("select count(*) from llm_requests")
    whole = landed.rows("select count(*) from llm_operations_metrics")
    assert landed.rows("select count(*) from llm_operations_metrics_complete") == whole
