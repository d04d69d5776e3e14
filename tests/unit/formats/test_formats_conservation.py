"""Whatever a line holds: one row, one outcome, and counts that are true."""

import copy
import json
import random
from typing import Any

from closed_lists import FLAGS, REASONS
from decoding import Decoder, Row, flat
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from payloads import PAYLOAD, failure
from test_formats_flat import REQUEST_LOG, STREAM, TUTORIAL_OF_NINE, TUTORIAL_OF_THIRTEEN

RECORDS: list[Row] = [
    flat(tags={"team": "core"}, metadata={"a": "b"}, tokens_cache_read=10),
    STREAM,
    REQUEST_LOG,
    json.loads(TUTORIAL_OF_NINE),
    TUTORIAL_OF_THIRTEEN,
    PAYLOAD,
    failure(),
]
SECRET = "zebra-secret-4711"
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 0.5, 500.5, 1e300, -1e300, 2**63, -(2**64), 10**400, "", " ", "x", "null", "NaN",
    "1e400", "-0", "0x10", "2026-13-45", "2026-11-20T15:00:00Z", "1795188872.9", "$-5", "{", "[", "{}", "[1,]", "\x00",
    "\ud83d", "é\u200b", "'; drop table x; --", [], {}, [None], [[1]], {"": ""}, {"a": {"a": 1}},
    {"\x00": 1, "\x00b": 2}, {"input": -1, "output": "x"}, {"total": 1e30}, "y" * 5000, {"k" * 300: "v" * 300},
]  # fmt: skip
PARTS = {
    "tokens_input": ["tokens_cache_read", "tokens_cache_write", "tokens_audio_input", "tokens_image_input"],
    "tokens_output": ["tokens_reasoning", "tokens_audio_output"],
    "tokens_cache_write": ["tokens_cache_write_1h"],
}
METERS = [*{name for names in PARTS.values() for name in names}, *PARTS, "tokens_total", "web_search_requests"]


def mutated(dice: random.Random) -> str:
    """A record's line with up to three things wrong with it."""
    record = json.loads(json.dumps(dice.choice(RECORDS)))
    for _ in range(dice.randrange(4)):
        _mutate(record, dice)
    text = json.dumps(record)
    broken = dice.randrange(20)
    if broken == 1:
        return text[: dice.randrange(len(text))]
    if broken == 2:
        return "{" + f"{json.dumps(dice.choice(list(record) or ['a']))}: 1, " + text[1:]
    return text if broken != 3 else dice.choice(['"x"', "5", "[]", "{}", "null", text + text, text[:-1] + ",}"])


def _mutate(record: Row, dice: random.Random) -> None:
    place: Any = record
    while isinstance(place, dict) and place:
        name = dice.choice(list(place))
        if isinstance(place[name], dict) and dice.randrange(4):
            place = place[name]
            continue
        change = dice.randrange(4)
        if change == 0:
            del place[name]
        elif change == 1:
            place[name] = copy.deepcopy(dice.choice(ODD))
        elif change == 2:
            place[name] = {"deeper": place[name], "content": SECRET}
        else:
            place[dice.choice(["messages", "prompt", "extra", "tags", "metadata"])] = [{"content": SECRET}]
        return


@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(dice=st.randoms(use_true_random=False))
def test_every_line_is_one_row_with_one_outcome_and_true_counts(decoder: Decoder, dice: random.Random) -> None:
    lines = [mutated(dice) for _ in range(60)]
    rows = decoder.rows(*lines)
    assert [row["line"] for row in rows] == list(range(1, len(lines) + 1))
    for line, row in zip(lines, rows, strict=True):
        _check_outcome(line, row)
        _check_counts(row)


def _check_outcome(line: str, row: Row) -> None:
    assert row["outcome"] in ("accepted", "rejected", "not_a_call")
    assert (row["reject_reason"] in REASONS) == (row["outcome"] == "rejected")
    assert (row["payload_bytes"] == len(line.encode())) == (row["outcome"] == "rejected")
    assert (row["event_id"] is not None) == (row["event_time"] is not None) == (row["outcome"] == "accepted")
    assert set(row["flags"]) <= FLAGS
    assert SECRET not in str({name: value for name, value in row.items() if name != "error_message"})
    assert max((len(text) for text in _texts(row["payload"])), default=0) <= 256


def _texts(payload: str | None) -> list[str]:
    """All keys and texts of a payload, at any depth."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    if payload is not None:
        collect(json.loads(payload, object_pairs_hook=lambda pairs: [part for pair in pairs for part in pair]))
    return found


def _check_counts(row: Row) -> None:
    assert all(row[name] is None or row[name] >= 0 for name in METERS), row
    for total, parts in PARTS.items():
        assert all(row[total] is None or row[part] is None or row[part] <= row[total] for part in parts), row
    if row["tokens_input"] is not None and row["tokens_output"] is not None:
        assert row["tokens_total"] in (row["tokens_input"] + row["tokens_output"], None)
    else:
        assert row["tokens_total"] is None
    assert row["latency_ms"] is None or row["latency_ms"] >= 0
    assert row["reported_cost_usd"] is None or row["reported_cost_usd"] >= 0
