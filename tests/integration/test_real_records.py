"""Ingest of real records: what LiteLLM's own loggers wrote, as a file of lines and as objects of a bucket.

The expectations are made here from the files alone, with Python's json.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import RefreshReport, Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings, SourceSettings
from llmops_assets.tables import RAW
from llmops_assets.windows import hour_of, hour_window

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "litellm"
PAYLOADS = DATA / "standard_logging_payloads.ndjson"
OBJECTS = DATA / "s3_objects.ndjson"
ARRIVED = datetime(2026, 11, 20, 15, 40, tzinfo=UTC)
LONG_ENOUGH = 6
"""Shorter texts of a message, such as "yes", are found in anything."""
NO_CONTENT = {"role", "type", "object", "id", "status", "finish_reason", "model"}
"""Fields of messages and answers that say something about them."""

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not OBJECTS.is_file(), reason="the real records in shared/data are not on this machine"),
]


@dataclass(frozen=True)
class Ingested:
    """A lake that has taken in both files, and what came of it."""

    home: Path
    settings: Settings
    lake: Lake
    reports: dict[str, RefreshReport]

    def again(self) -> dict[str, RefreshReport]:
        """Refresh the same hour of both sources once more."""
        return {source.name: _refresh(self.lake, self.settings, source) for source in self.settings.source}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the raw table."""
        with self.lake.reader([RAW]) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return rows

    @cached_property
    def payloads(self) -> list[dict[str, Any]]:
        """All payloads as they lie in the folders."""
        return [json.loads(line) for path in _files(self.home) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    """Both files, taken in once for all tests."""
    home = tmp_path_factory.mktemp("real")
    _let_arrive(home)
    sources = tuple(SourceSettings(name=name, uri=str(home / "arrivals" / name)) for name in ("payloads", "bucket"))
    settings = Settings(home=home, source=sources)
    lake = Lake.open(settings.lake_catalog)
    return Ingested(home, settings, lake, {one.name: _refresh(lake, settings, one) for one in sources})


def test_every_record_is_accounted_for(ingested: Ingested) -> None:
    assert ingested.reports["payloads"].outcomes == {"accepted": 72}
    assert ingested.reports["bucket"].outcomes == {"accepted": 34}
    assert len(ingested.payloads) == 106
    positions = ingested.query(
        "select count(*), count(distinct (source, uri, line)), count(distinct uri), list(distinct format) "
        f"from lake.{RAW}"
    )
    assert positions == [(106, 106, 13, ["litellm_payload"])]


def test_sums_of_tokens_equal_those_of_the_files(ingested: Ingested) -> None:
    sums = ingested.query(
        "select sum(tokens_input), sum(tokens_output), sum(tokens_cache_read), sum(tokens_cache_write), "
        f"sum(tokens_reasoning) from lake.{RAW}"
    )
    usages = [payload["metadata"]["usage_object"] or {} for payload in ingested.payloads]
    prompts = [usage.get("prompt_tokens_details") or {} for usage in usages]
    completions = [usage.get("completion_tokens_details") or {} for usage in usages]
    writes = [
        usage.get("cache_creation_input_tokens") or prompt.get("cache_write_tokens") or 0
        for usage, prompt in zip(usages, prompts, strict=True)
    ]
    assert sums == [
        (
            sum(usage.get("prompt_tokens") or 0 for usage in usages),
            sum(usage.get("completion_tokens") or 0 for usage in usages),
            sum(prompt.get("cached_tokens") or 0 for prompt in prompts),
            sum(writes),
            sum(completion.get("reasoning_tokens") or 0 for completion in completions),
        )
    ]
    assert sums[0][0] > 200_000


def test_each_record_keeps_its_tokens_tenant_and_cost(ingested: Ingested) -> None:
    rows = ingested.query(
        "select event_id, coalesce(tokens_input, 0), coalesce(tokens_output, 0), tenant_id, success, "
        f"cast(reported_cost_usd as double) from lake.{RAW} order by all"
    )
    expected = []
    for payload in ingested.payloads:
        usage, metadata = payload["metadata"]["usage_object"] or {}, payload["metadata"]
        expected.append(
            (
                f"{payload['id']}|{payload['litellm_call_id']}",
                usage.get("prompt_tokens") or 0,
                usage.get("completion_tokens") or 0,
                metadata["user_api_key_team_id"] or metadata["user_api_key_org_id"],
                payload["status"] == "success",
                pytest.approx(payload["response_cost"], abs=1e-12),
            )
        )
    assert rows == sorted(expected, key=lambda row: row[0])


def test_calls_without_usage_are_unknown_and_not_zero(ingested: Ingested) -> None:
    rows = ingested.query(
        "select success, count(*), count(tokens_input), count(*) filter (list_contains(flags, 'usage_missing')) "
        f"from lake.{RAW} where source = 'payloads' group by all order by all"
    )
    # Lines 23 and 25 are successes without usage, line 26 is a failure with it; of the other failures the six
    # with a 5xx (9, 31, 45, 66, 69, 70) and the two timeouts (10, 32) may have used tokens.
    assert rows == [(False, 21, 1, 8), (True, 51, 49, 2)]


def test_no_message_text_is_anywhere_in_the_lake(ingested: Ingested) -> None:
    secrets = {text for payload in ingested.payloads for text in _message_texts(payload)}
    assert len(secrets) > 15
    files = [str(path) for path in ingested.home.rglob("*.parquet") if "arrivals" not in path.parts]
    assert files
    stored = "\n".join(text for value in _values(files) for text in _texts(value))
    assert "team-søk" in stored
    assert [text for text in secrets if text in stored] == []


def test_a_second_refresh_changes_nothing(ingested: Ingested) -> None:
    before = ingested.lake.snapshots(RAW)
    reports = ingested.again()
    assert [(report.objects, report.records, report.changed_hours) for report in reports.values()] == [(0, 0, [])] * 2
    assert ingested.lake.snapshots(RAW) == before


def _refresh(lake: Lake, settings: Settings, source: SourceSettings) -> RefreshReport:
    run = Run("test", datetime(2026, 11, 20, 17, tzinfo=UTC), settings.scratch / source.name)
    return refresh(lake, settings, source, hour_window(hour_of(ARRIVED)), run)


def _let_arrive(home: Path) -> None:
    """The payloads as one file; the objects under their own keys, with spaces, `&`, `ø` and slashes in names."""
    contents = {"payloads/payloads.ndjson": PAYLOADS.read_text("utf-8")}
    for line in OBJECTS.read_text("utf-8").splitlines():
        found = json.loads(line)
        contents[f"bucket/{found['key']}"] = found["body"]
    for key, content in contents.items():
        path = home / "arrivals" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
        os.utime(path, (ARRIVED.timestamp(), ARRIVED.timestamp()))


def _files(home: Path) -> list[Path]:
    return sorted(path for path in (home / "arrivals").rglob("*") if path.is_file())


def _message_texts(payload: dict[str, Any]) -> Iterator[str]:
    """The texts of prompts, answers and tool calls."""
    response = payload["response"]
    contents = [payload["messages"], payload["model_parameters"].get("tools")]
    contents += [response.get(name) for name in ("choices", "output", "instructions", "content", "data")]
    yield from (text for text in _texts(contents) if len(text) >= LONG_ENOUGH)


def _texts(value: Any) -> Iterator[str]:
    """All texts inside, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in NO_CONTENT:
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _values(files: list[str]) -> Iterator[Any]:
    """Every row of every file, with all its columns."""
    with duckdb.connect() as connection:
        for file in files:
            yield from connection.execute("select * from read_parquet(?, hive_partitioning = false)", [file]).fetchall()
