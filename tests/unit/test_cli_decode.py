"""`llmops decode` on small files: one outcome per record, whole events as JSON, and what cannot be read by name."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from llmops_assets.cli import app
from llmops_assets.formats import format_names

CALL = {
    "event_id": "evt-1",
    "timestamp": "2026-11-20T15:00:00Z",
    "tenant_id": "acme",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_input": 1000,
    "tokens_output": 500,
    "tags": {"team": "søk"},
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No llmops.toml is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMOPS_CONFIG", raising=False)


def decoded(*arguments: str) -> Result:
    """What the command prints."""
    return CliRunner().invoke(app, ["decode", *arguments])


def records(result: Result) -> list[dict[str, Any]]:
    """What was printed, one object a record."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_record_has_one_outcome_with_its_place_and_reason() -> None:
    lines = [json.dumps(CALL), '{"event_id": ', json.dumps([CALL, {"nothing": 1}]), json.dumps(CALL | {"model": "x-1"})]
    Path("calls.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found = records(decoded("calls.ndjson.gz", "--json"))
    assert [(one["line"], one["record_index"], one["outcome"], one["reason"]) for one in found] == [
        (1, None, "accepted", None),
        (2, None, "rejected", "malformed_json"),
        (3, 0, "accepted", None),
        (3, 1, "rejected", "unknown_format"),
        (4, None, "accepted", None),
    ]
    assert [one["event"] is None for one in found] == [False, True, False, True, False]
    assert {one["file"] for one in found} == {str(Path("calls.ndjson.gz").absolute())}


def test_an_event_has_its_columns_meters_and_cost_with_money_as_text() -> None:
    Path("calls.ndjson").write_text(json.dumps(CALL | {"cost_usd": "0.0075"}), encoding="utf-8")
    (one,) = records(decoded("calls.ndjson", "--json"))
    event = one["event"]
    assert (event["event_id"], event["event_time"], event["tags"]) == (
        "evt-1",
        "2026-11-20T15:00:00.000000Z",
        {"team": "søk"},
    )
    # gpt-4o: 2.50 and 10 US dollars a million.
    assert (event["meter_input_uncached"], event["meter_output_text"]) == (1000, 500)
    assert (event["list_cost_usd"], event["cost_usd"], event["cost_source"]) == (
        "0.007500000000",
        "0.007500000000",
        "list",
    )
    assert event["reported_cost_usd"] == "0.007500000000"
    assert (event["flags"], bool(event["price_version"])) == ([], True)


def test_records_of_one_id_are_shown_each_by_itself() -> None:
    Path("calls.ndjson").write_text("\n".join([json.dumps(CALL)] * 3), encoding="utf-8")
    found = records(decoded("calls.ndjson", "--json"))
    assert [one["event"]["cost_usd"] for one in found] == ["0.007500000000"] * 3


def test_a_table_shows_the_record_its_cost_and_what_is_odd() -> None:
    Path("calls.ndjson").write_text(json.dumps(CALL) + "\n" + json.dumps(CALL | {"model": "m-1"}), encoding="utf-8")
    result = decoded("calls.ndjson")
    assert result.exit_code == 0
    heading, priced, unpriced = (line.split() for line in result.stdout.splitlines()[1:])
    assert heading[:3] == ["line", "outcome", "format"]
    assert priced == ["1", "accepted", "flat", "acme", "openai", "gpt-4o", "1000", "500", "0.0075", "list"]
    assert unpriced[-2:] == ["unpriced", "unpriced"]
    assert "2 records: 2 accepted" in result.stderr


def test_a_format_is_an_assertion() -> None:
    Path("calls.ndjson").write_text(json.dumps(CALL), encoding="utf-8")
    (one,) = records(decoded("calls.ndjson", "--json", "--format", "litellm_payload"))
    assert (one["outcome"], one["reason"]) == ("rejected", "unknown_format")


def test_a_source_brings_its_settings() -> None:
    Path("llmops.toml").write_text(
        '[[source]]\nname = "app"\nuri = "in"\ntenant = "globex"\ncost = "reported"\n', encoding="utf-8"
    )
    Path("calls.ndjson").write_text(json.dumps(CALL | {"cost_usd": "1"}), encoding="utf-8")
    (one,) = records(decoded("calls.ndjson", "--json", "--source", "app"))
    event = one["event"]
    assert (event["tenant_id"], event["cost_usd"], event["cost_source"]) == ("globex", "1.000000000000", "reported")


def test_what_cannot_be_done_is_said_with_the_value() -> None:
    assert "no such file: gone.ndjson" in decoded("gone.ndjson").stderr
    Path("calls.ndjson").write_text(json.dumps(CALL), encoding="utf-8")
    wrong = decoded("calls.ndjson", "--format", "flatt")
    assert wrong.exit_code == 2
    assert "--format flatt: no such format; allowed: auto, " in wrong.stderr
    assert "--source nobody: no such source" in decoded("calls.ndjson", "--source", "nobody").stderr


def test_formats_lists_every_format_with_what_a_record_is() -> None:
    result = CliRunner().invoke(app, ["formats"])
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()[1:]}
    assert set(listed) == set(format_names())
    assert min(map(len, listed.values())) > 20
