"""What holds for every format, whatever is wrong with a record: no crash, one outcome, counts that are true.

A format takes part by its samples, `samples/<format>.ndjson`: records as its producer writes them, one on a line,
with the word of `mutations.SECRET` in what is content. Real records are mutated; invented ones would never get
past the door.
"""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from closed_lists import FLAGS, REASONS
from decoding import Decoder, Row
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mutations import SECRET, mutated, reordered

from llmops_assets.formats import all_formats, format_names, records_in

SAMPLES = {path.stem: path for path in sorted((Path(__file__).parent / "samples").glob("*.ndjson"))}
ENVELOPED = {one.name for one in all_formats() if one.envelope is not None}
BATCH = 150
OUTCOMES = {"accepted", "rejected", "not_a_call", "report"}
COUNTS = (
    "tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h", "tokens_output",
    "tokens_reasoning", "tokens_audio_input", "tokens_audio_output", "tokens_image_input", "tokens_total",
    "web_search_requests",
)  # fmt: skip
EVENT = ("event_id", "event_time", "provider", "model", "requested_model", "tenant_id", "reported_cost_usd", *COUNTS)

of_every_format = pytest.mark.parametrize("name", SAMPLES)
generated = {"deadline": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}


def samples(name: str) -> list[str]:
    """The sample records of a format."""
    return [line for line in SAMPLES[name].read_text(encoding="utf-8").splitlines() if line.strip()]


def test_every_format_has_samples_and_reads_most_of_them(decoder: Decoder) -> None:
    assert sorted(SAMPLES) == sorted(format_names())
    for name in SAMPLES:
        rows = decoder.rows(*samples(name))
        assert {"accepted", "report"} & {row["outcome"] for row in rows if row["format"] == name}, name
        assert not [row["reject_reason"] for row in rows if row["outcome"] == "rejected"], name


@of_every_format
@settings(max_examples=2, **generated)
@given(dice=st.randoms(use_true_random=False))
def test_whatever_is_wrong_with_a_record_it_has_one_outcome_and_true_counts(
    decoder: Decoder, name: str, dice: random.Random
) -> None:
    check_mutations(decoder, name, dice)


@pytest.mark.nightly
@of_every_format
@settings(max_examples=10_000 // BATCH + 1, **generated)
@given(dice=st.randoms(use_true_random=False))
def test_of_ten_thousand_wrong_records_each_has_one_outcome(decoder: Decoder, name: str, dice: random.Random) -> None:
    check_mutations(decoder, name, dice)


@of_every_format
def test_the_order_of_names_changes_nothing(decoder: Decoder, name: str) -> None:
    records = [json.loads(line) for line in samples(name)]
    dice = random.Random(7)
    for before, after in zip(
        decoder.rows(*records), decoder.rows(*(reordered(record, dice) for record in records)), strict=True
    ):
        assert {**before, "payload": None, "payload_sha256": None} == {**after, "payload": None, "payload_sha256": None}


@of_every_format
def test_no_content_of_a_sample_reaches_a_column(decoder: Decoder, name: str) -> None:
    for row in decoder.rows(*samples(name)):
        assert [column for column, value in row.items() if SECRET in str(value)] == []


def check_mutations(decoder: Decoder, name: str, dice: random.Random) -> None:
    """Decode a batch of mutated samples, with a good one in front and behind."""
    known = samples(name)
    lines = [known[0], *(mutated(dice.choice(known), dice) for _ in range(BATCH)), known[0]]
    rows = decoder.rows(*lines)
    _check_places(name, lines, rows)
    assert len(rows) == records_in(decoder.connection)
    for row in rows:
        _check_outcome(row)
        _check_counts(row)
    _check_neighbours(rows, len(lines))


def _check_places(name: str, lines: list[str], rows: list[Row]) -> None:
    """Every line has its rows; those of one are numbered from 0 and only where it can hold many."""
    rows_of = Counter(row["line"] for row in rows)
    assert sorted(rows_of) == list(range(1, len(lines) + 1))
    if name not in ENVELOPED:
        assert set(rows_of.values()) == {1}
    places: dict[int, list[int | None]] = {}
    for row in rows:
        places.setdefault(row["line"], []).append(row["record_index"])
    assert all(indices in ([None], list(range(len(indices)))) for indices in places.values())


def _check_outcome(row: Row) -> None:
    assert row["outcome"] in OUTCOMES
    assert (row["reject_reason"] in REASONS) == (row["outcome"] == "rejected"), row["reject_reason"]
    assert (row["payload_bytes"] is not None) == (row["outcome"] == "rejected")
    assert (row["event_id"] is not None) == (row["event_time"] is not None) == (row["outcome"] == "accepted")
    if row["outcome"] != "accepted":
        assert all(row[column] is None for column in EVENT)
    assert set(row["flags"]) <= FLAGS
    assert len(set(row["flags"])) == len(row["flags"])
    assert SECRET not in str({column: value for column, value in row.items() if column != "error_message"})
    assert row["reported_cost_usd"] is None or row["reported_cost_usd"] >= 0
    assert row["latency_ms"] is None or row["latency_ms"] >= 0


def _check_counts(row: Row) -> None:
    """The disjoint meters are never negative and sum to the totals."""
    assert all(row[name] is None or row[name] >= 0 for name in COUNTS), row
    if row["tokens_input"] is not None:
        lasting = known(row, "tokens_cache_write_1h")
        written = lasting if row["tokens_cache_write"] is None else row["tokens_cache_write"]
        cached = known(row, "tokens_cache_read") + written
        media = min(known(row, "tokens_audio_input") + known(row, "tokens_image_input"), row["tokens_input"] - cached)
        meters = [row["tokens_input"] - cached - media, media, known(row, "tokens_cache_read"), written - lasting]
        meters.append(lasting)
        assert min(meters) >= 0, row
        assert sum(meters) == row["tokens_input"]
    if row["tokens_output"] is not None:
        assert known(row, "tokens_reasoning") <= row["tokens_output"], row
        assert known(row, "tokens_audio_output") <= row["tokens_output"], row
    if row["tokens_input"] is None or row["tokens_output"] is None:
        assert row["tokens_total"] is None
    else:
        assert row["tokens_total"] in (row["tokens_input"] + row["tokens_output"], None)


def known(row: Row, name: str) -> int:
    """A count, for the sum of those that are known."""
    return int(row[name] or 0)


def _check_neighbours(rows: list[Row], last: int) -> None:
    """A good record beside broken ones is read as it would be alone."""
    place = {"line": None, "event_id": None}
    first = [row | place for row in rows if row["line"] == 1]
    assert first == [row | place for row in rows if row["line"] == last]
    assert all(row["outcome"] != "rejected" for row in first)
