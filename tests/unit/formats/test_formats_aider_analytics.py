"""aider's analytics log: its conventions, and the published log of one developer."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from decoding import Decoder, Row, some
from sampled import sample

SENT, REDACTED, UNNAMED, LAUNCHED = sample("aider_analytics")
LOG = Path(__file__).resolve().parents[4] / "shared" / "data" / "aider_message_send.jsonl.gz"
real_data = pytest.mark.skipif(not LOG.is_file(), reason="the real records in shared/data are not on this machine")


def test_a_message_is_read_as_its_conventions_say(decoder: Decoder) -> None:
    row = decoder.row(SENT)
    assert some(row, "format", "outcome", "flags") == ("aider_analytics", "accepted", ["derived_event_id"])
    assert row["event_time"] == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert some(row, "user_id", "provider", "model", "operation", "status") == (
        "5e1c9a44-0000-4000-8000-000000000001", "anthropic", "claude-3-7-sonnet-20250219", "chat", None,
    )  # fmt: skip
    assert some(row, "tokens_input", "tokens_output", "tokens_total", "tokens_cache_read") == (15025, 462, 15487, None)
    assert some(row, "reported_cost_usd", "reported_cost_kind") == (Decimal("0.052005"), "estimated")
    assert row["tags"] == {
        "weak_model": "anthropic/claude-3-5-haiku-20241022", "edit_format": "diff", "aider_version": "0.62.1",
    }  # fmt: skip


def test_a_redacted_model_is_none_and_tells_its_provider(decoder: Decoder) -> None:
    redacted, unnamed = decoder.rows(REDACTED, UNNAMED)
    assert some(redacted, "provider", "model", "requested_model") == ("openrouter", None, "openrouter/REDACTED")
    assert some(unnamed, "provider", "model", "requested_model") == (None, None, None)


def test_only_a_message_is_a_call(decoder: Decoder) -> None:
    rows = decoder.rows(LAUNCHED, LAUNCHED | {"event": "exit"})
    assert [some(row, "format", "outcome") for row in rows] == [("aider_analytics", "not_a_call")] * 2


def test_each_event_has_the_id_of_its_position(decoder: Decoder) -> None:
    first, again = decoder.rows(SENT, SENT)
    assert first["event_id"] != again["event_id"]
    assert first["event_id"] == decoder.row(SENT)["event_id"]


@pytest.fixture(scope="module")
def published(decoder: Decoder) -> list[Row]:
    """All events of the published log, by line."""
    return decoder.rows(*gzip.decompress(LOG.read_bytes()).decode().splitlines())


@real_data
def test_every_published_event_is_a_call_of_its_own(published: list[Row]) -> None:
    assert len(published) == 5522
    assert {some(row, "format", "outcome") for row in published} == {("aider_analytics", "accepted")}
    assert len({row["event_id"] for row in published}) == 5522
    users = [row["user_id"] for row in published]
    assert (users.count(None), max(users.count(user) for user in {*users} - {None})) == (4, 5507)
    times = [row["event_time"] for row in published]
    assert times == sorted(times)
    assert [(at.year, at.month) for at in (times[0], times[-1])] == [(2024, 8), (2026, 4)]


@real_data
def test_published_costs_are_kept_as_they_are_claimed(published: list[Row]) -> None:
    costs = [row["reported_cost_usd"] for row in published]
    assert (round(sum(costs), 2), costs.count(0)) == (Decimal("10182.70"), 1103)
    assert some(published[4965], "reported_cost_usd", "tokens_total") == (Decimal("9990.01252875"), 10033)
    assert round(sum(costs) - costs[4965], 2) == Decimal("192.69")


@real_data
def test_published_counts_and_models_are_those_that_are_stated(published: list[Row]) -> None:
    assert sum(row["tokens_total"] == 0 for row in published) == 5
    assert sum(row["tokens_output"] == 0 for row in published) == 144
    assert some(published[1336], "tokens_input", "tokens_output") == (913414, 0)
    assert sum(row["model"] is None and row["requested_model"] is None for row in published) == 22
    redacted = [row for row in published if row["model"] is None and row["requested_model"] is not None]
    assert {row["requested_model"].rpartition("/")[2] for row in redacted} == {"REDACTED"}
    assert sum(row["reported_cost_usd"] == 0 for row in redacted) == 318
    assert {row["provider"] for row in redacted} - {None} >= {"openrouter", "ollama", "google", "fireworks"}
