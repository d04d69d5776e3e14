"""Messages of a topic as rows: what each becomes does not depend on its neighbours."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from llmops_assets.sources import Batch
from llmops_assets.sources.kafka import RangeRead
from llmops_assets.sources.kafka.collecting import Collector
from llmops_assets.sources.kafka.registry import Undecodable
from llmops_assets.sources.kafka.rows import How
from llmops_assets.sources.kafka.values import records_of, texts_of

AT = 1_795_176_000_123  # 2026-11-20T12:00:00.123Z
CREATED = 1
NOT_KNOWN = 0
PLAIN = How(max_bytes=100, headers=frozenset(), decode=None)
VALUES = [
    b'{"a":1}',
    '{"a":"ü€"}'.encode(),
    b"",
    b"{",
    b" {}",
    b'{"a":\n1}',
    b'{"a":1}\n{"a":2}\n',
    b'[{"a":1},{"a":2}]',
    b"[]",
    b"null",
    b"\xff{}",
    b'{"a":"\xc3',
    b'\xa9"}',
    gzip.compress(b'{"a":3}', mtime=0),
    b'{"a":"' + b"x" * 100 + b'"}',
]
PARTS = [b'{"a":1}', b"{", b"}", b"[", b"]", b",", b'"', "ü".encode(), b"\xff", b"\n", b"\r\n", b"\r", b" ", b"\t"]


def _message(value: bytes | None, offset: int, stamp: tuple[int, int] = (CREATED, AT), **more: Any) -> Message:
    return Message(topic="calls", partition=0, offset=offset, value=value, timestamp=stamp, **more)


def _collected(
    messages: Sequence[Message], how: How = PLAIN, batch_bytes: int = 2**20
) -> tuple[list[Batch], RangeRead]:
    """What is made of messages of range 3, taken in one after another."""
    reads = [RangeRead() for _ in range(4)]
    collector, batches = Collector(reads, batch_bytes, how), []
    for message in messages:
        collector.add(3, [message], [message.offset()])
        batches += collector.full()
    return [*batches, *collector.rest()], reads[3]


def _at_once(messages: Sequence[Message], how: How = PLAIN) -> pa.Table:
    collector = Collector([RangeRead()], 2**20, how)
    collector.add(0, messages, [message.offset() for message in messages])
    return pa.concat_tables([batch.lines for batch in collector.rest()])


def _rows(batches: Sequence[Batch], *columns: str) -> list[tuple[Any, ...]]:
    """Columns of all rows, by their place."""
    order = [("line", "ascending"), ("record_index", "ascending")]
    return [
        tuple(row[name] for name in columns)
        for row in pa.concat_tables([batch.lines for batch in batches]).sort_by(order).to_pylist()
    ]


def test_every_kind_of_value_among_others_keeps_its_offset_and_its_text() -> None:
    batches, read = _collected([_message(value, 10 * place) for place, value in enumerate(VALUES)])
    assert _rows(batches, "line", "record_index", "text", "reject_reason") == [
        (0, None, '{"a":1}', None),
        (10, None, '{"a":"ü€"}', None),
        (30, None, "{", None),
        (40, None, " {}", None),
        (50, None, '{"a":\n1}', None),
        (60, 0, '{"a":1}', None),
        (60, 1, '{"a":2}', None),
        (70, 0, '{"a":1}', None),
        (70, 1, '{"a":2}', None),
        (90, None, "null", None),
        (100, None, None, "bad_encoding"),
        (110, None, None, "bad_encoding"),
        (120, None, None, "bad_encoding"),
        (130, None, '{"a":3}', None),
        (140, None, None, "line_too_long"),
    ]
    assert (read.records, read.bytes) == (15, sum(map(len, VALUES)))


@given(st.lists(st.sampled_from([*VALUES, None]), min_size=1, max_size=12))
def test_values_make_the_same_rows_together_as_alone(values: list[bytes | None]) -> None:
    messages = [_message(b"{}", 0), *(_message(value, place) for place, value in enumerate(values, 1))]
    alone = [row for message in messages for row in (_collected([message])[0])]
    together = Batch(_at_once(messages), [])
    columns = ("line", "record_index", "text", "bytes", "reject_reason", "sha256", "arrived_at")
    assert _rows([together], *columns) == _rows(alone, *columns)


@given(st.lists(st.sampled_from(PARTS), max_size=6).map(b"".join))
def test_the_short_way_gives_the_records_that_a_file_would_have(value: bytes) -> None:
    found = texts_of(value, 1000)
    if found is not None:
        texts, is_numbered = found
        indexes = list(range(len(texts))) if is_numbered else [None] * len(texts)
        rows = records_of(7, value, 1000)
        assert [(row.line, row.record_index, row.text, row.bytes, row.reject_reason) for row in rows] == [
            (7, index, text, len(text.encode()), None) for index, text in zip(indexes, texts, strict=True)
        ]


def test_the_usual_ways_of_a_producer_go_the_short_way() -> None:
    ways = [b'{"a":1}\r\n', b'{"a":1}\n{"a":2}', b'[{"a":1}]\n', b'{"a":\n1}', b"{}\n[]", b"[1", b"\x1f\x8b{}"]
    assert [texts_of(value, 100) for value in ways] == [
        (['{"a":1}'], False),
        (['{"a":1}', '{"a":2}'], True),
        (['{"a":1}'], True),
        None,
        None,
        None,
        None,
    ]


def test_a_tombstone_is_counted_with_its_time_and_what_is_beside_it_stays_with_its_value() -> None:
    how = How(100, frozenset({"tenant"}), None)
    later = (CREATED, AT + 1)
    batches, read = _collected(
        [
            _message(b'{"a":1}', 5, key=b"one", headers=[("tenant", b"acme"), ("other", b"x")]),
            _message(None, 6, later, key=b"gone", headers=[("tenant", b"gone")]),
            _message(b'{"a":2}', 7, headers=[("tenant", b"first"), ("tenant", b"last")]),
        ],
        how,
    )
    assert _rows(batches, "object_id", "line", "text", "bytes", "record_key", "record_headers") == [
        (3, 5, '{"a":1}', 7, "one", [("tenant", "acme")]),
        (3, 7, '{"a":2}', 7, None, [("tenant", "last")]),
    ]
    assert (read.records, read.tombstones, read.bytes) == (2, 1, 14)
    assert read.last_timestamp == datetime(2026, 11, 20, 12, 0, 0, 124000, UTC)


def test_headers_are_kept_by_name_where_they_are_wanted_whatever_they_hold() -> None:
    given: list[list[tuple[str, bytes | None]] | None] = [
        None,
        [("tenant", b"acme"), ("feature", "ü".encode()), ("other", b"x")],
        [("other", b"x"), ("tenant", None)],
        [("tenant", b"\xff")],
        [("tenant", b"")],
    ]
    how = How(100, frozenset({"tenant", "feature"}), None)
    values = [b"{}", b"[{},{}]", b"{}", b"1", b"{}"]
    pairs = enumerate(zip(values, given, strict=True))
    batches, _ = _collected([_message(value, place, headers=one) for place, (value, one) in pairs], how)
    assert _rows(batches, "line", "record_headers") == [
        (0, None),
        (1, [("feature", "ü"), ("tenant", "acme")]),
        (1, [("feature", "ü"), ("tenant", "acme")]),
        (2, None),
        (3, [("tenant", "\\xff")]),
        (4, [("tenant", "")]),
    ]


def test_keys_are_text_and_one_that_is_none_leaves_the_others_alone() -> None:
    keys = [b"plain", "ü".encode(), b"\xff", None, b""]
    batches, _ = _collected([_message(b"{}", place, key=key) for place, key in enumerate(keys)])
    assert _rows(batches, "record_key") == [("plain",), ("ü",), ("\\xff",), (None,), ("",)]


def test_a_time_that_is_none_or_beyond_the_calendar_is_unknown() -> None:
    stamps = [(CREATED, AT), (NOT_KNOWN, AT), (CREATED, -1), (CREATED, 253402300800000), (CREATED, 0)]
    batches, read = _collected([_message(b"{}", place, stamp) for place, stamp in enumerate(stamps)])
    start, at = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 20, 12, 0, 0, 123000, UTC)
    assert _rows(batches, "arrived_at") == [(at,), (None,), (None,), (None,), (start,)]
    assert (read.first_timestamp, read.last_timestamp) == (start, at)


def test_a_batch_ends_where_it_is_full_and_tombstones_alone_make_none() -> None:
    batches, read = _collected([_message(b'{"a":1}', place) for place in range(7)], batch_bytes=20)
    assert [batch.lines["line"].to_pylist() for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert read.records == 7
    batches, read = _collected([_message(None, place) for place in range(3)])
    assert (batches, read.records, read.tombstones) == ([], 0, 3)


def test_a_value_that_its_schema_cannot_tell_is_a_reject_among_decoded_ones() -> None:
    def decode(value: bytes) -> bytes:
        if value == b"{bad}":
            raise Undecodable("unknown_format")
        return b"{" + value + b"}"

    values = [b'"a":1', b"{bad}", b'"a":2']
    batches, read = _collected([_message(value, n) for n, value in enumerate(values)], How(100, frozenset(), decode))
    assert _rows(batches, "line", "text", "bytes", "reject_reason") == [
        (0, '{"a":1}', 7, None),
        (1, None, 5, "unknown_format"),
        (2, '{"a":2}', 7, None),
    ]
    assert read.bytes == 15
