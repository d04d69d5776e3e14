"""Real spans through the whole pipeline: what OpenTelemetry's instrumentations and Langfuse's SDK sent.

The spans come twice: as they are, and from a collector that writes protobuf's own JSON. The expectations were
counted in the files by hand (`shared/data/README.md`).
"""

import base64
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stored import files_with, rows_of, tables_with, texts

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import RAW, REQUESTS
from llmops_assets.warehouse import build_hours, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import Window, hour_of, hour_window

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SPANS = DATA / "otel_genai" / "otlp_spans.jsonl"
LANGFUSE = DATA / "other_formats" / "langfuse_sdk_otlp.jsonl"
ARRIVED = datetime(2026, 11, 20, 15, 55, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
SOURCES = ("spans", "collector", "langfuse")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not SPANS.is_file(), reason="the real records in shared/data are not on this machine"),
]


@dataclass(frozen=True)
class Published:
    """A lake that has taken in the spans and published their hour."""

    lake: Lake
    settings: Settings
    outcomes: dict[str, dict[str, int]]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the lake's tables by their plain names."""
        return rows_of(self.lake, sql)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """All spans through the pipeline, once for all tests."""
    arrivals, home = tmp_path_factory.mktemp("arrivals"), tmp_path_factory.mktemp("home")
    lines = SPANS.read_text("utf-8").splitlines()
    _put(arrivals / "spans" / "spans.jsonl", lines)
    _put(arrivals / "collector" / "spans.jsonl", [json.dumps(_collected(json.loads(line))) for line in lines])
    _put(arrivals / "langfuse" / "spans.jsonl", LANGFUSE.read_text("utf-8").splitlines())
    settings = Settings(
        home=home, source=tuple(SourceSettings(name=name, uri=str(arrivals / name)) for name in SOURCES)
    )
    lake, project = Lake.open(settings.lake_catalog), DbtProject.located(home)
    outcomes = {}
    for source in settings.source:
        run = Run("test", NOW, settings.scratch / source.name)
        outcomes[source.name] = refresh(lake, settings, source, hour_window(hour_of(ARRIVED)), run).outcomes
    hours = due_hours(lake)
    build_hours(lake, settings, project, Window(hours[0], hour_window(hours[-1]).end), RunInfo("build", NOW))
    return Published(lake, settings, outcomes)


def _put(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    os.utime(path, (ARRIVED.timestamp(), ARRIVED.timestamp()))


def _collected(record: Any) -> Any:
    """The same request with ids in base64 and names for numbers, as protobuf's own JSON has them."""
    kinds = {1: "SPAN_KIND_INTERNAL", 3: "SPAN_KIND_CLIENT"}
    if isinstance(record, list):
        return [_collected(member) for member in record]
    if not isinstance(record, dict):
        return record
    written = {key: _collected(value) for key, value in record.items()}
    for key in written.keys() & {"traceId", "spanId", "parentSpanId"}:
        written[key] = base64.b64encode(bytes.fromhex(record[key])).decode()
    if "kind" in written:
        written["kind"] = kinds[record["kind"]]
    if written.get("code") == 2:
        written["code"] = "STATUS_CODE_ERROR"
    return written


def test_every_span_is_accounted_for(published: Published) -> None:
    assert published.outcomes == {
        "spans": {"accepted": 35, "not_a_call": 32},
        "collector": {"accepted": 35, "not_a_call": 32},
        "langfuse": {"accepted": 10},
    }
    assert published.query(f"select count(*), count(distinct (source, line, record_index)) from {RAW}") == [(144, 144)]


def test_spans_of_one_call_are_one_event_with_the_fuller_usage(published: Published) -> None:
    sums = "count(*), sum(tokens_input), sum(tokens_output)"
    accepted = f"select {sums} from {RAW} where source = 'spans' and outcome = 'accepted'"
    assert published.query(accepted) == [(35, 54_825, 4_194)]
    calls = f"from {REQUESTS} where source <> 'langfuse'"
    assert published.query(f"select {sums} {calls}") == [(31, 29_112, 3_380)]
    # The Anthropic SDK's own span knows the writes of an hour, and of one call the reasoning.
    anthropic = published.query(
        "select tokens_input, tokens_cache_read, tokens_cache_write, tokens_cache_write_1h, tokens_reasoning "
        f"{calls} and provider = 'anthropic' order by tokens_input"
    )
    assert anthropic == [
        (14, 0, 0, 0, None), (1076, 0, 1069, 0, None), (3600, 1000, 2500, 2000, None), (21023, 20443, 574, 0, 77),
    ]  # fmt: skip


def test_records_of_both_ways_are_one_event(published: Published) -> None:
    counts = published.query("select sum(accepted_records), sum(events) from event_conservation")
    assert counts == [(80, 41)]
    assert published.query(f"select max(records), min(records) from {REQUESTS} where source <> 'langfuse'") == [(4, 2)]


def test_whose_call_it_is_comes_from_the_parent_and_the_resource(published: Published) -> None:
    owners = published.query(
        "select distinct tenant_id, user_id, session_id, feature, environment, tags['acme.tenant'] "
        f"from {REQUESTS} where source <> 'langfuse'"
    )
    assert owners == [("team-søk", "u-42", "sess-1", "search", "prod", "团队")]


def test_failures_and_unknown_usage_are_told_apart(published: Published) -> None:
    rows = published.query(
        "select error_type, status_code, count(*) from llm_requests where source <> 'langfuse' "
        "and not success group by all order by all"
    )
    assert rows == [
        ("authentication", 401, 2), ("content_filter", 400, 1), ("context_overflow", 400, 2),
        ("provider_outage", 500, 2), ("provider_outage", None, 1), ("rate_limit", 429, 2), ("timeout", None, 1),
    ]  # fmt: skip
    unknown = published.query(
        "select success, count(*) from llm_requests where source <> 'langfuse' "
        "and list_contains(flags, 'usage_missing') group by all order by all"
    )
    # Two streams, one of them left by its client; the cut stream, the timeout and the two 500.
    assert unknown == [(False, 4), (True, 2)]


def test_langfuses_observations_are_nine_generations_and_an_embedding(published: Published) -> None:
    calls = "from llm_requests where source = 'langfuse'"
    assert published.query(f"select operation, count(*) {calls} group by all order by all") == [
        ("chat", 9), ("embedding", 1),
    ]  # fmt: skip
    # 26 + 1497 + 11 + 26 + 26 + 4 of OpenAI's, and 6 + 20443 + 574 of Anthropic's keys.
    assert published.query(f"select sum(tokens_input), sum(tokens_cache_read) {calls}") == [(22_613, 21_851)]
    manual = published.query(f"select reported_cost_usd {calls} and provider = 'anthropic'")
    assert manual == [(Decimal("0.0156384"),)]


def test_no_prompt_and_no_answer_is_in_any_table_or_file(published: Published) -> None:
    secrets = ["Capital of Norway", "Be terse", "Replayed answer", "word1 word2", "x-scn", "api_base"]
    written = "\n".join(
        texts([json.loads(line) for path in (SPANS, LANGFUSE) for line in path.read_text("utf-8").splitlines()])
    )
    assert [secret for secret in secrets if secret not in written] == []
    assert tables_with(secrets, published.lake) == {}
    assert files_with(secrets, published.settings.home) == {}
