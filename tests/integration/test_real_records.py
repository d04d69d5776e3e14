"""Real records through the whole pipeline: what LiteLLM's own loggers wrote, as files and as objects of a bucket.

The expectations are made from the files alone (`real_records`), or worked out by reading them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from real_records import (
    ARRIVED,
    OBJECTS,
    Payload,
    calls_of,
    id_of,
    let_arrive,
    message_texts,
    payloads_below,
    tenant_of,
    tokens_of,
)
from stored import files_with, rows_of, tables_with

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import RefreshReport, Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import RAW, REQUESTS
from llmops_assets.trial import Trial
from llmops_assets.warehouse import build_days, build_hours, due_days, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import DAY, Window, day_of, hour_of, hour_window

SOURCES = ("payloads", "bucket", "redelivered")
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not OBJECTS.is_file(), reason="the real records in shared/data are not on this machine"),
]


@dataclass(frozen=True)
class Published:
    """A lake that has taken in all files and published their hours and days, and what was due before each."""

    arrivals: Path
    settings: Settings
    lake: Lake
    reports: dict[str, RefreshReport]
    hours: list[datetime]
    days: list[date]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the lake's tables by their plain names."""
        return rows_of(self.lake, sql)

    def sums(self, table: str, columns: list[str]) -> dict[str, int]:
        """The sums of some columns of a table."""
        totals = self.query(f"select {', '.join(f'sum({column})' for column in columns)} from {table}")[0]
        return dict(zip(columns, totals, strict=True))

    @cached_property
    def payloads(self) -> list[Payload]:
        """All payloads as they lie in the folders."""
        return payloads_below(self.arrivals)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """All files through the pipeline, once for all tests."""
    arrivals, home = tmp_path_factory.mktemp("arrivals"), tmp_path_factory.mktemp("home")
    let_arrive(arrivals)
    sources = tuple(SourceSettings(name=name, uri=str(arrivals / name)) for name in SOURCES)
    settings = Settings(home=home, source=sources)
    lake, project = Lake.open(settings.lake_catalog), DbtProject.located(home)
    reports = {source.name: _refresh(lake, settings, source) for source in sources}
    hours = due_hours(lake)
    build_hours(lake, settings, project, Window(hours[0], hour_window(hours[-1]).end), RunInfo("build", NOW))
    days = due_days(lake, settings.warehouse.billing_time_zone)
    build_days(lake, settings, project, Window(day_of(days[0]), day_of(days[-1]) + DAY), RunInfo("bill", NOW))
    return Published(arrivals, settings, lake, reports, hours, days)


def _refresh(lake: Lake, settings: Settings, source: SourceSettings) -> RefreshReport:
    run = Run("test", NOW, settings.scratch / source.name)
    return refresh(lake, settings, source, hour_window(hour_of(ARRIVED)), run)


def test_every_record_is_accounted_for(published: Published) -> None:
    outcomes = {source: report.outcomes for source, report in published.reports.items()}
    assert outcomes == {"payloads": {"accepted": 72}, "bucket": {"accepted": 34}, "redelivered": {"accepted": 23}}
    assert len(published.payloads) == 129
    positions = published.query(
        f"select count(*), count(distinct (source, uri, line)), count(distinct uri), list(distinct format) from {RAW}"
    )
    assert positions == [(129, 129, 14, ["litellm_payload"])]


def test_all_that_was_due_is_published(published: Published) -> None:
    # The payloads are of 36 s from 15:34:24 on, the objects of 15:37:57 to 15:38:46.
    assert (published.hours, published.days) == ([hour_of(ARRIVED)], [date(2026, 11, 20)])
    assert (due_hours(published.lake), due_days(published.lake, "UTC")) == ([], [])


def test_records_are_events_exact_duplicates_or_conflicts(published: Published) -> None:
    counts = published.query(
        "select source, accepted_records, events, exact_duplicates, conflicts from event_conservation order by source"
    )
    # The batch of 23 came again: of one call with another end user, of the others as it was.
    assert counts == [("bucket", 34, 34, 0, 0), ("payloads", 72, 72, 0, 0), ("redelivered", 23, 0, 22, 1)]
    assert published.query("select source, line, differing_columns from event_conflicts") == [
        ("redelivered", 1, ["end_user_id"])
    ]
    assert published.query(f"select count(*), count(distinct event_id) from {REQUESTS}") == [(106, 106)]
    assert published.sums("llm_operations_metrics", ["total_requests"]) == {"total_requests": 106}
    assert published.sums("tenant_cost_daily", ["requests"]) == {"requests": 106}


def test_tokens_of_records_are_those_of_the_files(published: Published) -> None:
    expected = tokens_of(published.payloads)
    assert expected["tokens_input"] > 300_000
    assert published.sums(RAW, list(expected)) == expected


def test_tokens_of_calls_are_those_of_the_files_with_each_call_counted_once(published: Published) -> None:
    calls = calls_of(published.payloads)
    expected = tokens_of(calls)
    assert len(calls) == 106
    assert expected["tokens_input"] > 200_000
    assert published.sums(REQUESTS, list(expected)) == expected
    assert published.sums("llm_operations_metrics", list(expected)) == expected
    in_and_out = {name: expected[name] for name in ("tokens_input", "tokens_output")}
    assert published.sums("tenant_cost_daily", list(in_and_out)) == in_and_out


def test_each_call_keeps_its_tokens_tenant_and_cost(published: Published) -> None:
    rows = published.query(
        "select event_id, coalesce(tokens_input, 0), coalesce(tokens_output, 0), tenant_id, success, "
        f"cast(reported_cost_usd as double) from {REQUESTS} order by event_id"
    )
    expected = [
        (
            id_of(payload),
            *(tokens_of([payload])[name] for name in ("tokens_input", "tokens_output")),
            tenant_of(payload),
            payload["status"] == "success",
            pytest.approx(payload["response_cost"], abs=1e-12),
        )
        for payload in sorted(calls_of(published.payloads), key=id_of)
    ]
    assert rows == expected


def test_tokens_of_each_tenant_are_billed_to_it(published: Published) -> None:
    calls = calls_of(published.payloads)
    tenants = {tenant_of(call) for call in calls}
    assert len(tenants - {None}) > 1
    expected = {
        tenant or "unattributed": tokens_of([call for call in calls if tenant_of(call) == tenant])["tokens_input"]
        for tenant in tenants
    }
    billed = published.query("select tenant_id, coalesce(sum(tokens_input), 0) from tenant_cost_daily group by all")
    assert dict(billed) == expected


def test_calls_without_usage_are_unknown_and_not_zero(published: Published) -> None:
    rows = published.query(
        "select success, count(*), count(tokens_input), count(*) filter (list_contains(flags, 'usage_missing')) "
        f"from {RAW} where source = 'payloads' group by all order by all"
    )
    # Lines 23 and 25 are successes without usage, line 26 is a failure with it; of the other failures the six
    # with a 5xx (9, 31, 45, 66, 69, 70) and the two timeouts (10, 32) may have used tokens.
    assert rows == [(False, 21, 1, 8), (True, 51, 49, 2)]


def test_calls_of_unknown_models_have_no_list_cost_and_are_counted_unpriced(published: Published) -> None:
    calls = published.query(
        f"select requested_model, list_cost_usd, cost_usd, cost_source, is_unpriced from {REQUESTS} "
        "where list_contains(flags, 'unpriced') order by line"
    )
    # Lines 5, 11 and 72: the name of a deployment, and two models of Acme's own. Only of the last did the
    # gateway claim a cost, 26 and 133 tokens at the deployment's own price.
    assert [(model, cost, source, unknown) for model, _, cost, source, unknown in calls] == [
        ("gpt-4o-prod-eastus", None, "unpriced", True),
        ("acme-finetune-7b", None, "unpriced", True),
        ("custom-priced", Decimal("0.000558"), "estimated", False),
    ]
    assert {list_cost for _, list_cost, *_ in calls} == {None}


def test_unknown_costs_are_counted_and_never_zero(published: Published) -> None:
    # Two calls of unknown models, ten calls of the first file without usage, and of the bucket three with a
    # status of 500 (two of the batch) and the failed login.
    counts = {"unpriced_requests": 2 + 10 + 4, "price_missing_requests": 3, "usage_missing_requests": 10 + 4}
    assert published.sums("llm_operations_metrics", list(counts)) == counts
    assert published.sums("tenant_cost_daily", list(counts)) == counts
    unpriced = published.query(f"select count(*), count(cost_usd) from {REQUESTS} where cost_source = 'unpriced'")
    assert unpriced == [(16, 0)]


def test_no_message_text_is_in_any_table_or_file_of_the_lake(published: Published) -> None:
    secrets = message_texts(published.payloads)
    assert len(secrets) > 15
    assert tables_with(secrets, published.lake) == {}
    assert files_with(secrets, published.settings.home) == {}


def test_what_is_kept_is_found_in_the_tables_and_files_of_the_lake(published: Published) -> None:
    assert {RAW, REQUESTS} <= tables_with(["team-søk"], published.lake).keys()
    assert files_with(["team-søk"], published.settings.home)


def test_a_second_refresh_changes_nothing(published: Published) -> None:
    before = published.lake.snapshots(RAW)
    reports = [_refresh(published.lake, published.settings, source) for source in published.settings.source]
    assert [(report.objects, report.records, report.changed_hours) for report in reports] == [(0, 0, [])] * 3
    assert published.lake.snapshots(RAW) == before


def test_what_decode_shows_of_a_record_is_what_the_pipeline_publishes_of_it(published: Published) -> None:
    source = SourceSettings(name="payloads", uri=str(published.arrivals / "payloads"))
    shown = list(Trial(source, published.settings).outcomes([published.arrivals / "payloads"]))
    names = list((shown[0].event or {}).keys())
    assert {"event_id", "tokens_input", "meter_cache_read", "list_cost_usd", "cost_source", "price_version"} < {*names}
    rows = published.query(f"select line, {', '.join(names)} from {REQUESTS} where source = 'payloads'")
    assert len(rows) == len(shown) == 72
    assert {one.line: one.event for one in shown} == {line: dict(zip(names, of, strict=True)) for line, *of in rows}


def test_only_the_routers_fallback_and_its_retries_are_attempts_of_one_request(published: Published) -> None:
    # Lines 66 to 68 are a fallback, 69 to 71 two retries; the sessions sess-0 to sess-4 are traces of 60 unrelated
    # calls, 18 of which failed, with the next call of the trace at most six seconds later.
    attempts = published.query(
        "select line, attempt, first_value(line) over (partition by request_id order by line) "
        f"from {REQUESTS} where source = 'payloads' and request_id is not null order by line"
    )
    assert attempts == [(66, 1, 66), (67, 2, 66), (68, 3, 66), (69, 1, 69), (70, 2, 69), (71, 3, 69)]
    assert published.query(f"select count(*) from {REQUESTS} where source = 'payloads' and attempt = 1") == [(68,)]


def test_the_errors_of_attempts_and_of_requests_are_told_apart(published: Published) -> None:
    # In these five minutes are lines 1 to 71. In the row of gpt-4o stand 69, 70 and 71, one request, which did not
    # fail, and of the fallback 66 and 67 (Azure's deployment is of gpt-4o), one that failed; 68 is of another model.
    counts = published.query(
        "select sum(total_requests), sum(total_requests - logical_requests), sum(error_count - failed_logical_requests)"
        " from error_rates where window_start = timestamptz '2026-11-20 15:30:00+00'"
    )
    assert counts == [(71, 3, 3)]


def test_every_served_model_but_made_up_ones_has_a_family(published: Published) -> None:
    unknown = published.query(
        f"select distinct model from {REQUESTS} where model is not null and model_family is null order by model"
    )
    families = dict(published.query(f"select model_family, count(*) from {REQUESTS} group by model_family"))
    assert unknown == [("acme-finetune-7b",), ("acme-llm",)]
    assert families["claude-sonnet"] > 10
