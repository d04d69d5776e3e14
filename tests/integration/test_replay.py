"""Rejected records decoded once more after a format was mended: from the objects, or from stored payloads."""

import importlib
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.ingest.replay import replay
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.usage_tables import USAGE_REPORTS
from llmops_assets.warehouse import due_hours
from llmops_assets.windows import HOUR, hour_window

pytestmark = pytest.mark.integration

TEN = datetime(2026, 11, 1, 10, tzinfo=UTC)
FIRST, SECOND = TEN + 3 * HOUR, TEN + 5 * HOUR
PROMPT = "the secret of the soup is " + 40 * "salt "


class Site:
    """One source that takes LiteLLM payloads only, to which a gateway sent flat records."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        self.folder, self.lake = folder, lake
        self.wrong = SourceSettings(name="calls", uri=str(folder / "in"), format="litellm_payload")
        self.mended = self.wrong.model_copy(update={"format": "auto"})
        self.settings = Settings(home=folder / "home", source=(self.mended,))
        self.write("flat.ndjson", [_call("a", 1), _call("b", 2), "no json"])
        self.refresh(self.wrong, FIRST)

    def write(self, name: str, lines: Iterable[str]) -> Path:
        file = self.folder / "in" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.utime(file, ((TEN + timedelta(minutes=30)).timestamp(),) * 2)
        return file

    def run(self, at: datetime) -> Run:
        return Run(f"run-{at:%H}", at, self.settings.scratch / f"{at:%H}")

    def refresh(self, source: SourceSettings, at: datetime) -> None:
        refresh(self.lake, self.settings, source, hour_window(TEN), self.run(at))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.lake.reader([RAW, LEDGER]) as connection:
            connection.execute("set schema = 'lake'")
            found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def _call(event_id: str, tokens: int) -> str:
    call = {"event_id": event_id, "timestamp": TEN.isoformat(), "tenant": "acme", "model": "gpt-4o"}
    return json.dumps({**call, "prompt_tokens": tokens, "prompt": PROMPT})


@pytest.fixture
def site(tmp_path: Path, lake: Lake) -> Site:
    """A lake in which two of three records were rejected because the source was set to another format."""
    made = Site(tmp_path, lake)
    assert made.rows(REJECTS) == [("malformed_json", 1), ("unknown_format", 2)]
    return made


REJECTS = f"select reject_reason, count(*) from {RAW} where outcome = 'rejected' group by all order by all"
DECODED = f"select line, event_id, tokens_input from {RAW} where outcome = 'accepted' order by line"
BOTH_PASSES = (
    f"select accepted, rejects, rejects_before_replay, replayed_at from {LEDGER} where ends_with(uri, 'flat.ndjson')"
)


def _assert_both_are_calls_now(site: Site) -> None:
    assert site.rows(DECODED) == [(1, "a", 1), (2, "b", 2)]
    assert site.rows(REJECTS) == [("malformed_json", 1)]
    before = {"malformed_json": 1, "unknown_format": 2}
    assert site.rows(BOTH_PASSES) == [(2, {"malformed_json": 1}, before, SECOND)]
    assert TEN in due_hours(site.lake)


def test_objects_that_are_there_are_read_again(site: Site) -> None:
    site.refresh(site.mended, SECOND)
    assert site.rows(DECODED) == []  # nothing is new: a mended format does not reach what was taken in
    done = replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    assert (done.before, done.after, done.objects_read, done.payloads_decoded) == (2, 0, 1, 0)
    _assert_both_are_calls_now(site)


def test_stored_payloads_of_an_object_that_is_gone_are_decoded(site: Site) -> None:
    (site.folder / "in" / "flat.ndjson").unlink()
    site.write("another.ndjson", [])
    done = replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    assert (done.before, done.after, done.objects_read, done.payloads_decoded) == (2, 0, 0, 2)
    _assert_both_are_calls_now(site)
    assert site.rows(f"select count(*) from {RAW} where payload like '%salt%'") == [(0,)]


def test_a_stored_report_is_decoded_to_its_results(site: Site) -> None:
    result = {"object": "organization.usage.embeddings.result", "input_tokens": 16, "num_model_requests": 2}
    bucket = {"object": "bucket", "start_time": 1793404800, "end_time": 1793491200, "results": [result]}
    page = {"object": "page", "data": [bucket], "has_more": False, "next_page": None}
    site.write("reports.ndjson", [json.dumps(bucket), json.dumps(page)])
    site.refresh(site.wrong, FIRST)
    (site.folder / "in" / "reports.ndjson").unlink()
    replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    outcomes = f"select line, outcome, reject_reason from {RAW} where ends_with(uri, 'reports.ndjson') order by line"
    # Of a page `data` was left out as content, so that it cannot be read from its payload.
    assert site.rows(outcomes) == [(1, "report", None), (2, "rejected", "missing_timestamp")]
    with site.lake.reader([USAGE_REPORTS]) as connection:
        rows = connection.execute(f"select kind, tokens_input, requests from lake.{USAGE_REPORTS}").fetchall()
    assert rows == [("usage.embeddings", 16, 2)]


def test_what_is_rejected_again_keeps_its_length_and_hash(site: Site) -> None:
    (site.folder / "in" / "flat.ndjson").unlink()
    site.write("another.ndjson", [])
    rejects = f"select line, reject_reason, payload, payload_bytes, payload_sha256 from {RAW} order by line"
    before = site.rows(rejects)
    done = replay(site.lake, site.settings, site.wrong, "unknown_format", hour_window(TEN), site.run(SECOND))
    assert (done.before, done.after) == (2, 2)
    assert site.rows(rejects) == before


def test_a_replay_that_was_killed_before_the_ledger_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    module = importlib.import_module("llmops_assets.ingest.refresh")  # a function of the package has its name
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_ledger", killed)
        with pytest.raises(KeyboardInterrupt):
            replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    assert site.rows(REJECTS) == [("malformed_json", 1)]
    replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    _assert_both_are_calls_now(site)


def test_nothing_happens_where_nothing_was_rejected_so(site: Site) -> None:
    before = site.lake.current_snapshot(RAW)
    done = replay(site.lake, site.settings, site.mended, "bad_type", hour_window(TEN), site.run(SECOND))
    assert (done.before, done.hours) == (0, ())
    assert site.lake.current_snapshot(RAW) == before


def test_a_line_that_was_rejected_whole_may_hold_many_records(site: Site) -> None:
    def span(name: str, tokens: int | str) -> dict[str, Any]:
        values = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
        attributes.append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(tokens)}})
        attributes.append({"key": "gen_ai.input.messages", "value": {"stringValue": PROMPT}})
        start = str(int(TEN.timestamp()) * 10**9)
        return {"traceId": "a" * 32, "spanId": name, "startTimeUnixNano": start, "kind": 3, "attributes": attributes}

    spans = [span("b1", 5), span("b2", "many"), span("b3", 7)]
    request = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    file = site.write("spans.json", [f"[{request}, {request}]"])
    site.refresh(site.wrong, FIRST + HOUR)
    file.unlink()
    done = replay(site.lake, site.settings, site.mended, "unknown_format", hour_window(TEN), site.run(SECOND))
    assert (done.before, done.after) == (4, 0)
    opened = f"select record_index, tokens_input, reject_reason from {RAW} where uri like '%spans.json' order by all"
    assert site.rows(opened) == [
        (first + place, tokens, reason)
        for first in (10**9, 2 * 10**9)
        for place, (tokens, reason) in enumerate([(5, None), (None, "bad_type"), (7, None)])
    ]
    assert site.rows(f"select count(*) from {RAW} where payload like '%salt%'") == [(0,)]
