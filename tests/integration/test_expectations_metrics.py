"""Metrics before they are published: a sound window has no failure, and each injected anomaly is caught."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmops_assets.cli.sql import select
from llmops_assets.duck import connect
from llmops_assets.expectations import ExpectationsError, Finding, client, examine_metrics
from llmops_assets.expectations.metrics import TOKEN_METERS
from llmops_assets.lake import Lake
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.tables import RAW_SPEC
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.publish import lake_spec
from llmops_assets.windows import hour_window

pytestmark = pytest.mark.integration

HOUR = datetime(2026, 11, 16, 10, tzinfo=UTC)
METRICS = "llm_operations_metrics"

# 1,000 calls of two models and two tenants, half each, now and in the week before. A call of gpt-4o has 100 input
# tokens at 2 and 10 output tokens at 10 dollars per million: 0.0003 dollars.
_SCRATCH = f"""
create table {METRICS} as
select
    timestamptz '2026-11-16 10:00:00+00' as window_start, tenant_id, 'openai' as provider, model,
    250::bigint as total_requests, 0.1::double as cache_hit_rate, 0.02::double as error_rate,
    0.02::double as logical_error_rate
from (values ('acme'), ('initech')) as t (tenant_id), (values ('gpt-4o'), ('gpt-4o-mini')) as m (model);
create table error_rates as
select timestamptz '2026-11-16 10:00:00+00' as window_start, 'gpt-4o' as model, 2.0::double as error_rate_pct;
create table model_quality_drift as
select
    timestamptz '2026-11-16 10:00:00+00' as window_start, 'gpt-4o' as model, 98.0::double as completion_rate_pct,
    2.0::double as truncation_rate_pct;
create table latency_percentiles as
select
    timestamptz '2026-11-16 10:00:00+00' as window_start, model, 1.0::double as p0_ms, 2.0::double as p50_ms,
    3.0::double as p90_ms, 4.0::double as p95_ms, 5.0::double as p99_ms, 5.0::double as p100_ms
from (values ('gpt-4o'), ('gpt-4o-mini')) as m (model);
create table int_llm_requests_priced as
select
    timestamptz '2026-11-16 10:00:00+00' + n * interval 1 second as event_time, 'e' || n as event_id,
    'calls.ndjson' as uri, n as line, 'acme' as tenant_id, 'gpt-4o' as model, 110 as tokens_total,
    'openai' as provider, 'gpt-4o' as price_model, 'book' as price_version, 'list' as cost_source,
    false as cache_hit, 0.0003::decimal(38, 12) as list_cost_usd, 0.0003::decimal(38, 12) as cost_usd,
    100::bigint as meter_input_uncached, 10::bigint as meter_output_text, 0::bigint as meter_web_search,
    {", ".join(f"0::bigint as meter_{one}" for one in TOKEN_METERS if one not in ("input_uncached", "output_text"))}
from range(1, 201) as numbers (n);
create view llm_requests as from int_llm_requests_priced;
create schema lake;
create table lake.window_prices as select timestamptz '2026-11-16 10:00:00+00' as window_start, 'book' as price_version;
create table lake.price_book as
select 'book' as price_version, 'openai' as provider, 'gpt-4o' as model, 'gpt-4o' as price_model, meter,
    price_usd::decimal(38, 15) as price_usd
from (values ('input_uncached', 0.000002), ('output_text', 0.00001), ('reasoning', null)) as p (meter, price_usd)
"""


class Scratch:
    """The relations of an hour, and a lake that knows the week before."""

    def __init__(self, lake: Lake, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.lake, self.connection, self.folder = lake, connection, folder
        connection.execute(_SCRATCH)
        manifest = DbtProject.located(folder).manifest
        for name in (METRICS, "llm_requests"):
            self._publish(lake_spec(manifest["nodes"][f"model.llmops.{name}"]).name, manifest)
        lake.ensure(RAW_SPEC)

    def _publish(self, table: str, manifest: dict[str, dict[str, dict[str, object]]]) -> None:
        """Make the lake's table; of the metrics, with the same calls three days before."""
        spec = lake_spec(manifest["nodes"][f"model.llmops.{table}"])
        self.lake.ensure(spec)
        if table == METRICS:
            known = [row[0] for row in self.connection.execute(f"describe {table}").fetchall()]
            others = "".join(f", null::{one.type} as {one.name}" for one in spec.columns if one.name not in known)
            earlier = "replace (window_start - interval 3 day as window_start)"
            self.lake.replace(table, None, self.connection, f"(select * {earlier}{others} from {table})")

    def judge(self, change: str = "", **quality: object) -> dict[str, Finding]:
        """The findings after `change`, by name."""
        if change:
            self.connection.execute(change)
        settings = QualitySettings.model_validate(quality)
        found = examine_metrics(self.lake, self.connection, settings, hour_window(HOUR), self.folder)
        return {finding.name: finding for finding in found}


@pytest.fixture
def scratch(lake: Lake, tmp_path: Path) -> Iterator[Scratch]:
    with connect(tmp_path / "scratch.duckdb") as connection:
        yield Scratch(lake, connection, tmp_path)


def failed(findings: dict[str, Finding]) -> list[str]:
    """Names of those that did not pass."""
    return [name for name, finding in findings.items() if not finding.passed]


def test_a_sound_window_passes_everything(scratch: Scratch) -> None:
    findings = scratch.judge()
    assert failed(findings) == []
    # 200 calls of 0.0003 dollars and 110 tokens: 2.72727 dollars per million tokens.
    assert "2.72727e-06" in findings["list_costs_are_within_the_price_book"].observed
    assert findings["models_are_as_in_the_week_before"].observed.endswith("moved: 0")


INVARIANTS = {
    "rates_are_shares": [
        f"update {METRICS} set error_rate = 1.5 where tenant_id = 'acme' and model = 'gpt-4o'",
        f"update {METRICS} set cache_hit_rate = 'nan' where tenant_id = 'acme' and model = 'gpt-4o'",
        "update error_rates set error_rate_pct = -1",
    ],
    "latency_percentiles_are_in_order": [
        "update latency_percentiles set p95_ms = 2.5 where model = 'gpt-4o'",
        "update latency_percentiles set p0_ms = 9 where model = 'gpt-4o'",
    ],
    "list_costs_are_within_the_price_book": [
        "update int_llm_requests_priced set list_cost_usd = list_cost_usd * 5",
        "update int_llm_requests_priced set list_cost_usd = list_cost_usd / 5",
    ],
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, changes in INVARIANTS.items() for change in changes]
)
def test_a_broken_invariant_forbids_publishing_and_shows_the_rows(scratch: Scratch, name: str, change: str) -> None:
    findings = scratch.judge(change)
    assert failed(findings) == [name]
    finding = findings[name]
    assert finding.failed
    assert finding.hours == (HOUR,)
    assert finding.examples[0]["model"] == "gpt-4o"
    with connect() as connection:  # the rows were not published: the query shows the records they were made of
        select(scratch.lake, connection, finding.query).fetchall()


def test_a_claimed_cost_in_cents_is_a_warning(scratch: Scratch) -> None:
    # 100 times 2.727 is 272.7 dollars per million tokens; the book's highest is 10, and 10 times that is allowed.
    change = "update int_llm_requests_priced set cost_source = 'billed', cost_usd = cost_usd * 100"
    findings = scratch.judge(change)
    assert failed(findings) == ["claimed_costs_are_near_the_price_book"]
    finding = findings["claimed_costs_are_near_the_price_book"]
    assert not finding.failed
    assert [row["cost_usd"] for row in finding.examples] == ["0.030000000000"] * 3
    with connect() as connection:
        assert select(scratch.lake, connection, finding.query).fetchall() == []


@pytest.mark.parametrize(
    ("name", "column", "usual"),
    [
        ("models_are_as_in_the_week_before", "model", "gpt-4o"),
        ("tenants_are_as_in_the_week_before", "tenant_id", "acme"),
    ],
)
def test_calls_that_moved_to_another_name_are_a_warning(scratch: Scratch, name: str, column: str, usual: str) -> None:
    # Half of the calls were of `usual`; 4 of 5 of them, 400 of 1,000, now go elsewhere: 0.4 moved, 0.3 may.
    change = f"update {METRICS} set total_requests = if({column} = '{usual}', 50, 450)"
    findings = scratch.judge(change)
    assert failed(findings) == [name]
    finding = findings[name]
    assert not finding.failed
    assert finding.observed.endswith("moved: 0.4")
    assert {row["share_before"] for row in finding.examples} == {"0.5"}
    assert {row["share_now"] for row in finding.examples} == {"0.1", "0.9"}
    with connect() as connection:
        assert len(select(scratch.lake, connection, finding.query).fetchall()) == 2


def test_too_few_calls_to_compare_pass_and_say_so(scratch: Scratch) -> None:
    findings = scratch.judge(f"update {METRICS} set total_requests = if(model = 'gpt-4o', 1, 20)")
    assert failed(findings) == []
    assert findings["models_are_as_in_the_week_before"].observed.startswith("not enough history: 1000 calls")


# What goes wrong in the library or its process is an error, never a failed expectation.


def _frame(folder: Path, value: object) -> Path:
    """A frame of one row."""
    row = {"row": [0], "expectation": ["rates_are_shares"], "value": [value], "lower": [0.0], "upper": [1.0]}
    pq.write_table(pa.table(row), folder / "frame.parquet")
    return folder / "frame.parquet"


def test_an_exception_inside_the_library_is_an_error_that_names_suite_and_expectation(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match=r"suite metrics, expectation rates_are_shares.*says nothing about"):
        client.judge("metrics", _frame(tmp_path, "a text"), ["rates_are_shares"], 60)
    assert client.judge("metrics", _frame(tmp_path, 1.5), ["rates_are_shares"], 60) == {"rates_are_shares": [0]}


def test_a_frame_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match=r"suite metrics: FileNotFoundError"):
        client.judge("metrics", tmp_path / "none.parquet", ["rates_are_shares"], 60)


def _stopped() -> int:
    """A worker that is at hand but does not answer; its process id."""
    client.warm_up()
    process = client._workers[0].process.pid
    os.kill(process, signal.SIGSTOP)
    return process


def test_a_worker_that_is_too_slow_is_an_error_and_is_replaced(tmp_path: Path) -> None:
    _stopped()
    with pytest.raises(ExpectationsError, match=r"suite metrics: no answer within 0\.2 s"):
        client.judge("metrics", _frame(tmp_path, 0.5), ["rates_are_shares"], 0.2)
    assert client.judge("metrics", _frame(tmp_path, 0.5), ["rates_are_shares"], 60) == {}


def test_a_worker_that_is_killed_is_an_error_and_is_replaced(tmp_path: Path) -> None:
    process = _stopped()
    threading.Timer(0.5, os.kill, (process, signal.SIGKILL)).start()
    with pytest.raises(ExpectationsError, match="its process ended with code -9"):
        client.judge("metrics", _frame(tmp_path, 0.5), ["rates_are_shares"], 60)
    assert client.judge("metrics", _frame(tmp_path, 0.5), ["rates_are_shares"], 60) == {}


def test_the_worker_ends_with_its_parent_and_leaves_no_file(tmp_path: Path) -> None:
    client.warm_up()
    worker = client._workers[0]
    before = sorted(Path.cwd().iterdir())
    client.judge("metrics", _frame(tmp_path, 0.5), ["rates_are_shares"], 60)
    os.close(worker.asks)
    assert worker.process.wait(timedelta(seconds=30).total_seconds()) == 0
    worker.asks = os.open(os.devnull, os.O_WRONLY)
    assert sorted(Path.cwd().iterdir()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame.parquet"]
