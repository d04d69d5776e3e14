"""Whose calls they are, which of them are one request, and which are told of twice: from files to tables."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from stored import rows_of

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import ATTEMPT_REACH, Settings
from llmops_assets.tables import REQUESTS
from llmops_assets.warehouse import build_days, build_hours, due_days, due_hours
from llmops_assets.warehouse.build import BuildReport, RunInfo
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import DAY, HOUR, Window, day_of, hour_window

pytestmark = pytest.mark.integration

TEN = datetime(2026, 11, 1, 10, tzinfo=UTC)
NOW = TEN + timedelta(days=1)
Call = dict[str, Any]


def call(name: str, at_s: float, **fields: Any) -> Call:
    """A call so many seconds after eleven that takes a second; the gateway names the team and no tenant."""
    return {
        "event_id": name,
        "timestamp": (TEN + HOUR + timedelta(seconds=at_s)).isoformat(),
        "model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
        "provider": "bedrock",
        "latency_ms": 1000,
        "success": True,
        "tokens_input": 100,
        "tokens_output": 10,
        "tags": {"team": "growth"},
        **fields,
    }


FAILED = {"success": False, "status_code": 503, "tokens_input": None, "tokens_output": None}
# A run over the hour's end; a request of two attempts whose first is nine minutes before it, and so of the hour of ten
# alone; calls that nothing attributes.
GATEWAY = [
    call("run 1", -3, trace_id="t1", **FAILED),
    call("run 2", -1, trace_id="t1", **FAILED),
    call("run 3", 1, trace_id="t1"),
    call("next", 3, trace_id="t1"),
    call("far 1", -540, request_id="r1", **FAILED),
    call("far 2", 2, request_id="r1"),
    call("nobody's", 4, tags={"team": None}, metadata={"org": " "}),
    call("an organisation's", 5, tags={}, metadata={"org": "acme"}, model="gpt-4o", provider="Azure OpenAI"),
]
# Spend rows of two of these calls, under ids of their own; and one of the request of a call, but of other tokens.
SPEND = [
    call("spend 1", 1.5, trace_id="t1", tags={}, cost_usd="0.5"),
    call("spend 2", 2.5, request_id="r1", tags={}, cost_usd="0.25"),
    call("spend 3", 2.5, request_id="r1", tags={}, tokens_input=7, cost_usd="0.125"),
]


class Site:
    """A gateway that attributes by rules, and spend rows of the same calls; in a lake of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, count()
        for source, calls in {"gateway": GATEWAY, "spend": SPEND}.items():
            self._write(source, calls)
        self.configure("")
        self.lake = Lake.open(self.settings.lake_catalog)
        for one in self.settings.source:
            refresh(self.lake, self.settings, one, hour_window(TEN), Run("take", NOW, self.settings.scratch / "in"))

    def configure(self, more: str) -> None:
        """Write the configuration, in which the source of spend rows says `more`."""
        file = self.folder / "llmops.toml"
        file.write_text(
            'home = "home"\nquality.enabled = false\n'
            '[[source]]\nname = "gateway"\nuri = "gateway"\nlayout = "%Y-%m-%d/%H/"\n'
            '[source.attribution]\ntenant = ["tags.team", "metadata.org"]\n'
            f'[[source]]\nname = "spend"\nuri = "spend"\nlayout = "%Y-%m-%d/%H/"\n{more}',
            encoding="utf-8",
        )
        self.settings = Settings.load(file)

    def _write(self, source: str, calls: Sequence[Call]) -> None:
        file = self.folder / source / f"{TEN:%Y-%m-%d/%H}" / "calls.ndjson"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(one) + "\n" for one in calls), encoding="utf-8")
        os.utime(file, ((TEN + HOUR).timestamp(),) * 2)

    def build(self, first: datetime, hours: int) -> BuildReport:
        """Publish these hours in one run."""
        project = DbtProject.located(self.settings.home)
        window, run = Window(first, first + hours * HOUR), RunInfo(f"build-{next(self.runs)}", NOW)
        return build_hours(self.lake, self.settings, project, window, run)

    def bill(self) -> None:
        """Publish the days that are due."""
        project, days = DbtProject.located(self.settings.home), due_days(self.lake, "UTC")
        window = Window(day_of(days[0]), day_of(days[-1]) + DAY)
        build_days(self.lake, self.settings, project, window, RunInfo("d", NOW))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the lake's tables by their plain names."""
        return rows_of(self.lake, sql)


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, BuildReport]:
    """Both sources as calls, both hours in one run."""
    site = Site(tmp_path_factory.mktemp("site"))
    return site, site.build(TEN, 2)


def test_records_touch_the_hours_that_their_attempts_can_be_counted_in(twice: tuple[Site, BuildReport]) -> None:
    # The first call is nine minutes before eleven, the last five seconds after it; ten minutes from both lie in these.
    site, _ = twice
    assert site.settings.warehouse.reach == timedelta(seconds=300) + ATTEMPT_REACH == timedelta(minutes=10)
    assert site.query("select distinct window_start from published_windows order by 1") == [(TEN,), (TEN + HOUR,)]
    assert due_hours(site.lake) == []


ATTEMPTS = f"select event_id, request_id, attempt from {REQUESTS} where source = 'gateway' order by event_time"
COUNTED = [
    ("far 1", "r1", 1),
    ("run 1", "run-run 1", 1),
    ("run 2", "run-run 1", 2),
    ("run 3", "run-run 1", 3),
    # Its hour does not see the first one, nine minutes before it; both name the request all the same.
    ("far 2", "r1", 1),
    ("next", None, 1),
    ("nobody's", None, None),
    ("an organisation's", None, None),
]


def test_attempts_are_counted_over_the_hours_end(twice: tuple[Site, BuildReport]) -> None:
    # Spend rows of one trace and one request stand between them, of another tenant: they are no attempts of it.
    assert twice[0].query(ATTEMPTS) == COUNTED


def test_calls_that_two_sources_tell_of_are_warned_of_with_places_and_what_to_type(
    twice: tuple[Site, BuildReport],
) -> None:
    _, report = twice
    (found,) = [result for result in report.results if result.name == "same_calls_twice"]
    assert (found.status, found.failures, found.failed) == ("warn", 2, False)
    examples = report.examples[found.unique_id]
    for part in (
        "shared_id=request_id, value=r1, tokens_input=100",
        "shared_id=trace_id, value=t1, tokens_input=100",
        "one_source=gateway, other_source=spend",
        "other_line=1",
        "gateway/2026-11-01/10/calls.ndjson",
        "reconciliation_only = true",
    ):
        assert part in examples
    assert report.at_fault["same_calls_twice"] == {TEN + HOUR}


def test_what_no_rule_attributes_is_shown_and_stands_in_every_total(twice: tuple[Site, BuildReport]) -> None:
    site, _ = twice
    site.bill()
    by_tenant = {"growth": 6, "acme": 1, "unattributed": 4}
    for table, calls in {"llm_operations_metrics": "total_requests", "tenant_cost_daily": "requests"}.items():
        assert dict(site.query(f"select tenant_id, sum({calls}) from {table} group by 1")) == by_tenant
    families = "select model_family, sum(requests) from tenant_cost_daily where provider = 'azure' group by 1"
    assert site.query(families) == [("gpt-4o", 1)]
    assert site.query("select distinct model_family from cost_per_model order by 1") == [
        ("claude-sonnet",),
        ("gpt-4o",),
    ]


def test_a_source_that_only_reconciles_is_kept_and_counted_apart(twice: tuple[Site, BuildReport]) -> None:
    site, _ = twice
    site.configure("reconciliation_only = true\n")
    # The hours one by one, the later first, which must not change what is counted over the end of one.
    report, _ = [site.build(hour, 1) for hour in (TEN + HOUR, TEN)]
    (found,) = [result for result in report.results if result.name == "same_calls_twice"]
    assert found.status == "pass"
    assert site.query(f"select source, count(*) from {REQUESTS} group by 1") == [("gateway", 8)]
    assert site.query(ATTEMPTS) == COUNTED
    assert site.query(
        "select count(*), sum(reported_cost_usd)::varchar from raw_llm_events where source = 'spend'"
    ) == [(3, "0.875000000000")]
    conservation = (
        "select accepted_records, events, reconciliation_records, tokens_accepted, tokens_dropped, "
        "reported_cost_dropped_usd::varchar from event_conservation where source = 'spend'"
    )
    # 110 + 110 + 17 tokens; 0.5 + 0.25 + 0.125 USD.
    assert site.query(conservation) == [(3, 0, 3, 237, 237, "0.875000000000")]
    assert write_coverage(site.lake, site.settings).unaccounted == []
    covered = "select source, accepted, events, reconciliation_records, unbuilt from source_coverage order by source"
    assert site.query(covered) == [("gateway", 8, 8, 0, 0), ("spend", 3, 0, 3, 0)]
