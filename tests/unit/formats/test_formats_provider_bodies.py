"""Recorded usage of real providers against what another library extracted from it.

Where the two differ, the line is here with the reason and with both counts.
"""

import pytest
from decoding import Decoder, Row, some
from recorded_bodies import FILE, Recorded, recorded

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FILE.is_file(), reason="the recorded bodies in shared/data are not on this machine"),
]
EXTRACTED = {
    "tokens_input": "input_tokens",
    "tokens_cache_read": "cache_read_tokens",
    "tokens_cache_write": "cache_write_tokens",
    "tokens_output": "output_tokens",
    "tokens_reasoning": "output_reasoning_tokens",
    "web_search_requests": "web_searches",
}
ADVISOR = "the library leaves out the tokens of an advisor model, which are only in usage.iterations"
HIDDEN = "the library takes the completion as stated; the total is 62 above the sum, which is reasoning"
MISTRAL = "the library does not know num_cached_tokens"
# Line: the reason, and of each column that differs our count and the library's.
DISAGREEMENTS: dict[int, tuple[str, dict[str, tuple[int, int]]]] = {
    # 2390 + 2518 and 121 + 22; 2482 + 2564 and 166 + 99.
    103: (ADVISOR, {"tokens_input": (4908, 2390), "tokens_output": (143, 121)}),
    126: (ADVISOR, {"tokens_input": (5046, 2482), "tokens_output": (265, 166)}),
    # 109 - 35 - 12 = 62.
    497: (HIDDEN, {"tokens_output": (74, 12), "tokens_reasoning": (62, 0)}),
    **{
        line: (MISTRAL, {"tokens_cache_read": (cached, 0)})
        for line, cached in {
            141: 69, 144: 69, 157: 151, 160: 99, 161: 85, 187: 48, 191: 32, 194: 32, 243: 48, 376: 48, 396: 32, 431: 32,
        }.items()
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> list[Row]:
    """All bodies, decoded in one go."""
    return decoder.rows(*(record.wrapped for record in recorded()))


def differences(record: Recorded, row: Row) -> dict[str, tuple[int, int]]:
    """Counts that are not the library's, which leaves out zeros."""
    counts = {name: (row[name] or 0, record.usage.get(theirs, 0)) for name, theirs in EXTRACTED.items()}
    return {name: (ours, theirs) for name, (ours, theirs) in counts.items() if ours != theirs}


def test_every_body_is_a_call_of_its_provider(rows: list[Row]) -> None:
    assert len(rows) == len(recorded()) == 789
    assert {some(row, "outcome", "format", "status") for row in rows} == {("accepted", "provider_reply", "success")}
    assert [row["provider"] for row in rows] == [record.provider for record in recorded()]
    assert len({record.provider for record in recorded()}) == 16


def test_counts_agree_but_where_it_is_known_why_not(rows: list[Row]) -> None:
    found = {record.line: differences(record, row) for record, row in zip(recorded(), rows, strict=True)}
    assert {line: differing for line, differing in found.items() if differing} == {
        line: differing for line, (_, differing) in DISAGREEMENTS.items()
    }
    # So many tokens of input do not agree by accident.
    assert sum(row["tokens_input"] or 0 for row in rows) > 1_000_000


def test_cohere_is_counted_by_what_it_bills_and_not_by_what_it_processed(rows: list[Row]) -> None:
    chats = [(record, row) for record, row in zip(recorded(), rows, strict=True) if "tokens" in _usage(record)]
    counted = {record.line: (row["tokens_input"], _usage(record)["tokens"]["input_tokens"]) for record, row in chats}
    # Both as the bodies state them; the library has an entry for either.
    assert counted[155] == (51, 1533)
    assert counted[139] == (2406, 2935)
    assert len(counted) == 6
    assert all(billed < processed for billed, processed in counted.values())


def _usage(record: Recorded) -> Row:
    return {**record.body.get("usage", {})}


def test_one_body_hides_reasoning_and_one_has_no_usage(rows: list[Row]) -> None:
    flagged = {record.line: row["flags"] for record, row in zip(recorded(), rows, strict=True) if row["flags"]}
    (empty,) = (record.line for record in recorded() if "input_tokens" not in record.usage)
    assert flagged == {497: ["hidden_reasoning_from_total"], empty: ["usage_missing"]}


def test_without_a_provider_no_count_changes(decoder: Decoder, rows: list[Row]) -> None:
    bare = ({name: value for name, value in record.wrapped.items() if name != "provider"} for record in recorded())
    counts = [some(row, *EXTRACTED) for row in decoder.rows(*bare)]
    assert counts == [some(row, *EXTRACTED) for row in rows]


def test_costs_are_those_that_the_bodies_state(rows: list[Row]) -> None:
    stated = {record.line: row for record, row in zip(recorded(), rows, strict=True) if row["reported_cost_kind"]}
    kinds = [row["reported_cost_kind"] for row in stated.values()]
    assert (kinds.count("billed"), kinds.count("estimated")) == (19, 3)
    # Line 89 is charged for a tool, 91 by the caller's own key; 787 to 789 are a gateway's estimates.
    costs = {line: float(stated[line]["reported_cost_usd"]) for line in (89, 91, 175, 787, 788, 789)}
    assert costs == {89: 0.0160614, 91: 0.0, 175: 0.025265, 787: 0.0001546, 788: 3.11e-05, 789: 9.625e-05}
    assert {line for line, row in stated.items() if row["reported_cost_kind"] == "estimated"} == {787, 788, 789}
