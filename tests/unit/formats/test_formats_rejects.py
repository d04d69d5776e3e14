"""Every reason to reject a record, what JSON is, and what is kept of a reject."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from decoding import ARRIVED, Decoder, Row, flat, line_of, some

from llmops_assets.formats.redaction import redacted

GOOD = json.dumps(flat())
REASONS = {
    "malformed_json": GOOD[:60],
    "not_an_object": "42",
    "duplicate_key": '{"model": "other", ' + GOOD[1:],
    "unknown_format": {"level": "info", "message": "rotated"},
    "missing_timestamp": flat(timestamp=None),
    "implausible_timestamp": flat(timestamp="2014-12-31T23:59:59Z"),
    "future_timestamp": flat(timestamp="2026-11-21T16:00:00.000001Z"),
    "bad_type": flat(latency_ms="fast"),
    "negative_tokens": flat(tokens_output=-1),
    "token_overflow": flat(tokens_input=2**63),
    "parts_exceed_total": flat(tokens_cache_read=101),
}


def test_every_reason_is_found(decoder: Decoder) -> None:
    rows = decoder.rows(*REASONS.values())
    assert [row["reject_reason"] for row in rows] == list(REASONS)
    assert {row["outcome"] for row in rows} == {"rejected"}


def test_what_the_splitter_rejected_keeps_its_reason_position_length_and_hash(decoder: Decoder) -> None:
    reasons = ["line_too_long", "bad_encoding", "decompression_error", "malformed_json"]
    lines = [line_of(7 + n, None, bytes=99, reject_reason=reason, sha256="ab") for n, reason in enumerate(reasons)]
    rows = decoder.decode(lines)
    assert [
        some(row, "outcome", "reject_reason", "line", "payload", "payload_bytes", "payload_sha256") for row in rows
    ] == [("rejected", reason, 7 + n, None, 99, "ab") for n, reason in enumerate(reasons)]


def test_a_reject_has_no_event_column_that_could_be_counted(decoder: Decoder) -> None:
    row = decoder.row(flat(tokens_output=-1))
    position = {"source", "arrival_hour", "uri", "version", "line", "arrived_at", "format", "outcome", "reject_reason"}
    kept = {"payload", "payload_bytes", "payload_sha256"}
    assert {name for name, value in row.items() if value not in (None, [])} == position | kept


def test_a_time_may_be_a_day_ahead_of_the_later_of_arrival_and_arrival_hour(decoder: Decoder) -> None:
    end_of_hour = datetime(2026, 11, 20, 16, tzinfo=UTC)
    day = timedelta(days=1)
    in_hour = decoder.rows(
        *(flat(timestamp=at.isoformat()) for at in (end_of_hour + day, end_of_hour + day + timedelta.resolution))
    )
    assert [row["reject_reason"] for row in in_hour] == [None, "future_timestamp"]
    late = decoder.row(flat(timestamp=(end_of_hour + 2 * day).isoformat()), arrived_at=ARRIVED + 2 * day)
    assert late["outcome"] == "accepted"


def test_a_record_with_a_time_of_its_own_may_be_a_day_ahead_of_the_later_of_that_and_its_arrival_hour(
    decoder: Decoder,
) -> None:
    end_of_hour, day = datetime(2026, 11, 20, 16, tzinfo=UTC), timedelta(days=1)
    own_times = [end_of_hour - 3 * day, end_of_hour, end_of_hour + day, None]
    latest = [end_of_hour + day, end_of_hour + day, end_of_hour + 2 * day, end_of_hour + day]
    lines = [
        line_of(
            2 * n + too_late, json.dumps(flat(timestamp=(at + too_late * at.resolution).isoformat())), arrived_at=own
        )
        for n, (own, at) in enumerate(zip(own_times, latest, strict=True))
        for too_late in (0, 1)
    ]
    assert [row["reject_reason"] for row in decoder.decode(lines)] == [None, "future_timestamp"] * 4


def test_counts_overflow_beyond_bigint_and_not_before(decoder: Decoder) -> None:
    given = {2**63 - 1: None, 2**63: "token_overflow", 10**20: "token_overflow", -(10**20): "negative_tokens"}
    texts = {"9" * 400: "token_overflow", "1e400": "token_overflow", "inf": "bad_type", "nan": "bad_type"}
    rows = decoder.rows(*(flat(tokens_input=value, tokens_output=0) for value in [*given, *texts]))
    assert [row["reject_reason"] for row in rows] == [*given.values(), *texts.values()]
    assert some(rows[0], "tokens_input", "tokens_total") == (2**63 - 1, 2**63 - 1)
    huge = decoder.row(flat(tokens_input=2**63 - 1, tokens_output=2**63 - 1))
    assert some(huge, "outcome", "tokens_total") == ("accepted", None)


TOO_GREAT: list[Row] = [
    {"tokens_cache_read": 101},
    {"tokens_cache_read": 60, "tokens_cache_write": 41},
    {"tokens_cache_read": 2**63 - 1, "tokens_cache_write": 2**63 - 1},
    {"tokens_cache_write": 10, "tokens_cache_write_1h": 11},
    {"tokens_cache_read": 60, "tokens_cache_write_1h": 41},
    {"tokens_audio_input": 101},
    {"tokens_image_input": 101},
    {"reasoning_tokens": 21},
    {"tokens_audio_output": 21},
]


def test_a_part_may_not_exceed_its_total(decoder: Decoder) -> None:
    rows = decoder.rows(*(flat(**parts) for parts in TOO_GREAT))
    assert [row["reject_reason"] for row in rows] == ["parts_exceed_total"] * len(TOO_GREAT)


def test_parts_may_fill_their_total(decoder: Decoder) -> None:
    row = decoder.row(flat(tokens_cache_read=60, tokens_cache_write=40, reasoning_tokens=20, tokens_audio_input=100))
    assert row["outcome"] == "accepted"


def test_repeated_keys_are_found_in_tags_and_behind_escapes(decoder: Decoder) -> None:
    records = [
        GOOD[:-1] + ', "tags": {"a": 1, "a": 2}}',
        GOOD[:-1] + ', "metadata": {"a": 1, "a": 2}}',
        GOOD[:-1] + r', "\u006dodel": "other"}',
    ]
    assert [row["reject_reason"] for row in decoder.rows(*records)] == ["duplicate_key"] * 3


NOT_JSON = [
    GOOD[:-1] + ",}",
    GOOD[:-1] + ' , \t }',
    GOOD[:-1] + ', "tags": ["a",]}',
    GOOD[:-1] + ', "x": NaN}',
    GOOD[:-1] + ', "x": [-Infinity]}',
    GOOD[:-1] + ', "x": Infinity, "y": ",}"}',
    GOOD.replace('"', "'"),
    GOOD + " // done",
    GOOD + GOOD,
    GOOD + " x",
    GOOD[:-1] + ', "x": +1}',
    GOOD[:-1] + ', "x": 0x1F}',
    GOOD[:-1] + ', "x": 01}',
    GOOD[:-1] + ', "x": .5}',
    GOOD[:-1] + ', "x": "a\tb"}',
    GOOD[:-1] + ', "x": "a\x00b"}',
    GOOD[:-1] + r', "x": "\x41"}',
    GOOD[:-1] + ', x: 1}',
    GOOD[:-1] + ', "x": True}',
    "\ufeff" + GOOD,
]  # fmt: skip
JSON = [
    GOOD[:-1] + ', "note": "a,} b, ] NaN Infinity"}',
    GOOD[:-1] + r', "note": "quote \",} NaN \\", "x": 1}',
    GOOD[:-1] + ', "NaN": "Infinity"}',
    "  " + GOOD + "\r",
    GOOD[:-1] + ', "x": ' + "[" * 5000 + "]" * 5000 + "}",
    GOOD[:-1] + ', "x": 1e400, "y": ' + "9" * 5000 + "}",
    GOOD[:-1] + r', "x": "\u0000\ud83d\ude00"}',
]


def test_what_python_refuses_as_json_is_malformed(decoder: Decoder) -> None:
    rows = decoder.rows(*NOT_JSON)
    assert [row["reject_reason"] for row in rows] == ["malformed_json"] * len(NOT_JSON)


def test_strings_that_look_like_broken_json_are_none(decoder: Decoder) -> None:
    rows = decoder.rows(*JSON)
    assert [row["outcome"] for row in rows] == ["accepted"] * len(JSON)


def test_half_of_a_surrogate_pair_loses_no_call(decoder: Decoder) -> None:
    given = {r"caf\u00e9 \ud83d": "café", r"\udc00x": "x", r"\\ud800": r"\ud800", r"\ud83d\ude00\ud83d": "😀"}
    rows = decoder.rows(*(GOOD[:-1] + f', "user": "{text}"}}' for text in given))
    assert [some(row, "outcome", "user_id") for row in rows] == [("accepted", user) for user in given.values()]


def test_a_line_that_is_no_json_keeps_length_and_hash_and_its_text_only_on_request(decoder: Decoder) -> None:
    line = '{"prompt": "a secret'
    (row,), (kept,) = decoder.rows(line), decoder.rows(line, keep_bytes=True)
    assert some(row, "payload", "payload_bytes") == (None, len(line))
    assert row["payload_sha256"] == sha256(line.encode()).hexdigest()
    assert kept["payload"] == line


def test_a_reject_keeps_its_numbers_and_short_texts_and_no_contents(decoder: Decoder) -> None:
    secret = "the secret recipe"
    record = flat(
        tokens_output=-1,
        messages=[{"role": "user", "content": secret}],
        request={"body": secret},
        metadata={"prompt": secret, "team": "core", "deep": [{"output_text": secret}]},
        note="x" * 257,
        short="y" * 256,
        finish_reason="stop",
    )
    row = decoder.row(record)
    payload = json.loads(row["payload"])
    assert secret not in row["payload"]
    assert some(payload, "model", "tokens_output", "finish_reason", "short") == ("gpt-4o", -1, "stop", "y" * 256)
    assert payload["note"] == {"length": 257, "sha256": sha256(b"x" * 257).hexdigest()}
    assert payload["messages"].keys() == {"length", "sha256"}
    assert payload["metadata"]["team"] == "core"


def test_redaction_keeps_repeated_keys_and_long_numbers_and_never_fails() -> None:
    assert redacted('{"a": 1, "a": 1.50}') == '{"a": 1, "a": 1.50}'
    assert redacted('{"a": "b", "c": [true, null]}') == '{"a": "b", "c": [true, null]}'
    for text in ("[" * 100_000, '{"a": ' + "9" * 5000 + "}", '{"a": "\\ud800' + "x" * 300 + '"}'):
        assert '"length"' in redacted(text)
    assert json.loads(redacted('"just text"')).keys() == {"length", "sha256"}


def test_contents_in_json_inside_of_a_short_text_are_taken_out(decoder: Decoder) -> None:
    secret = "the secret recipe"
    inner = json.dumps({"prompt": secret, "team": "core", "cut": "\ud83d"})
    row = decoder.row(flat(tokens_output=-1, note=inner, other="{no json"))
    kept = json.loads(row["payload"])
    assert secret not in row["payload"]
    assert json.loads(kept["note"])["team"] == "core"
    assert json.loads(kept["note"])["cut"] == "?"
    assert json.loads(kept["other"]).keys() == {"length", "sha256"}, "what it holds is not known"


def test_a_reject_that_python_cannot_read_does_not_cost_its_file(decoder: Decoder) -> None:
    deep = GOOD[:-1].replace('"tokens_input": 100', '"tokens_input": -100') + f', "x": {"[" * 50_000}{"]" * 50_000}}}'
    rows = decoder.rows(deep, GOOD)
    assert [row["outcome"] for row in rows] == ["rejected", "accepted"]
    assert json.loads(rows[0]["payload"])["length"] == len(deep)


def test_contents_of_json_inside_a_text_are_left_out_too() -> None:
    inner = json.dumps({"team": "core", "prompt": "zebra", "list": [{"content": "zebra"}, "short"]})
    kept = json.loads(json.loads(redacted(json.dumps({"metadata": inner})))["metadata"])
    assert some(kept, "team") == ("core",)
    assert kept["prompt"].keys() == kept["list"][0]["content"].keys() == {"length", "sha256"}
    assert kept["list"][1] == "short"
    assert json.loads(redacted('{"tags": "[\\"env:prod\\"]"}')) == {"tags": '["env:prod"]'}
    assert "zebra" not in redacted('{"cut": "{\\"prompt\\": \\"zebra"}')
    assert redacted('{"tags": "[\\"\\\\ud83d\\"]"}').encode() == b'{"tags": "[\\"?\\"]"}'
