"""Providers' usage and cost reports: what is one, what is kept of it, and what is wrong with one."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from decoding import Decoder, Row, some
from sampled import sample

COMPLETIONS, COSTS, ANTHROPIC, AMOUNTS, BUCKET, DESCRIBED, EMPTY = sample("provider_usage_reports")
EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "other_formats" / "openai_usage_costs_api.json"


def results(row: Row) -> list[Row]:
    """What is kept of a report's results."""
    kept: list[Row] = json.loads(row["payload"])
    return kept


def with_result(**changes: Any) -> Row:
    """Anthropic's page with other members of its one result."""
    page = copy.deepcopy(ANTHROPIC)
    page["data"][0]["results"][0] |= changes
    return page


def with_bucket(**changes: Any) -> Row:
    """Anthropic's page with other members of its one bucket."""
    page = copy.deepcopy(ANTHROPIC)
    page["data"][0] |= changes
    return page


def test_a_report_is_no_call_and_keeps_its_results(decoder: Decoder) -> None:
    rows = decoder.rows(COMPLETIONS, COSTS, ANTHROPIC, AMOUNTS, BUCKET, DESCRIBED, EMPTY)
    assert {some(row, "format", "outcome", "reject_reason") for row in rows} == {
        ("provider_usage_reports", "report", None)
    }
    assert [len(results(row)) for row in rows] == [2, 1, 1, 1, 1, 1, 0]
    position = {"source", "arrival_hour", "uri", "version", "line", "arrived_at", "format", "outcome", "payload"}
    assert {name for row in rows for name, value in row.items() if value not in (None, [])} == position


def test_numbers_and_names_are_kept_and_nulls_are_not(decoder: Decoder) -> None:
    (first, second), (cost,) = results(decoder.row(COMPLETIONS)), results(decoder.row(AMOUNTS))
    assert (first["start"], first["end"]) == ("1795132800", "1795219200")
    assert some(first["members"], "input_tokens", "model", "batch") == ("1000", "gpt-4o-mini-2024-07-18", "true")
    assert "service_tier" not in first["members"]
    assert second["members"]["service_tier"] == "flex"
    assert some(cost["members"], "amount", "description") == ("123.78912", "Claude Sonnet 4.5 Usage - Input Tokens")


def test_members_of_objects_are_named_by_their_path(decoder: Decoder) -> None:
    members = results(decoder.row(ANTHROPIC))[0]["members"]
    assert some(members, "cache_creation.ephemeral_1h_input_tokens", "server_tool_use.web_search_requests") == (
        "1000", "10",
    )  # fmt: skip
    assert results(decoder.row(COSTS))[0]["members"]["amount.value"] == "0.06"


def test_nothing_else_is_kept(decoder: Decoder) -> None:
    secret = "zebra-secret-4711"
    row = decoder.row(with_result(prompt=secret, model={"content": secret}, actor=secret, line_item="x" * 257))
    assert row["outcome"] == "report"
    assert secret not in str(row)
    assert {"prompt", "model", "actor", "line_item"}.isdisjoint(results(row)[0]["members"])


WRONG = {
    "bad_type": [
        with_result(output_tokens="many"),
        with_result(output_tokens=0.5),
        with_result(server_tool_use={"web_search_requests": [1]}),
        with_result(amount="much"),
        with_bucket(results=[5]),
        with_bucket(results="none"),
        with_bucket(starting_at="yesterday"),
        with_bucket(ending_at={"content": "x"}),
    ],
    "negative_tokens": [with_result(output_tokens=-1)],
    "token_overflow": [with_result(output_tokens=2**63)],
    "missing_timestamp": [with_bucket(starting_at=None), {**ANTHROPIC, "data": "x"}, {**ANTHROPIC, "data": [5]}],
    "implausible_timestamp": [with_bucket(starting_at="2014-01-01T00:00:00Z")],
    "future_timestamp": [with_bucket(starting_at="2026-11-22T00:00:00Z")],
    "duplicate_key": [
        json.dumps(ANTHROPIC).replace('"output_tokens": 700', '"output_tokens": 700, "output_tokens": 7'),
        json.dumps(ANTHROPIC).replace('"ending_at"', '"starting_at": "2026-11-19T00:00:00Z", "ending_at"'),
        json.dumps(COSTS).replace('"value": 0.06', '"value": 0.06, "value": 6'),
    ],
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_is_wrong_with_a_report_rejects_it(decoder: Decoder, reason: str) -> None:
    rows = decoder.rows(*WRONG[reason])
    assert [some(row, "outcome", "reject_reason") for row in rows] == [("rejected", reason)] * len(rows)


def test_other_pages_are_no_reports(decoder: Decoder) -> None:
    files = {"object": "list", "data": [{"id": "file-1"}], "has_more": False, "first_id": "a", "last_id": "b"}
    assert decoder.row(files)["reject_reason"] == "unknown_format"


@pytest.mark.skipif(not EXAMPLES.is_file(), reason="the real records in shared/data are not on this machine")
def test_openais_own_examples_are_reports_together_and_each(decoder: Decoder) -> None:
    described: Row = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    whole, *pages = decoder.rows(described, *(json.loads(one["example"]) for one in described.values()))
    assert {some(row, "format", "outcome") for row in [whole, *pages]} == {("provider_usage_reports", "report")}
    assert len(pages) == 11
    assert results(whole) == [result for page in pages for result in results(page)]
    kinds = {result["members"]["object"] for result in results(whole)}
    assert len(kinds) == 11
