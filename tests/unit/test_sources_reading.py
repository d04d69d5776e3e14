"""What an object's content becomes: one row per record, with its position, and one per broken record."""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from llmops_assets.sources import compression
from llmops_assets.sources.reading import read_object

LIMIT = 1000


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, name: str = "a.json", size: int = 10**6, limit: int = LIMIT) -> list[dict[str, Any]]:
    return [row for batch in read_object(name, cut(data, size), limit) for row in batch.to_pylist()]


def found(data: bytes, name: str = "a.json", **options: int) -> list[tuple[int, int | None, str | None]]:
    """(line, record_index, text) of each row, and the reject reason in place of a text that is NULL."""
    rows = read(data, name, **options)
    return [(row["line"], row["record_index"], row["text"] or row["reject_reason"]) for row in rows]


# --- one record per line


def test_every_line_is_a_record_and_blank_lines_only_count() -> None:
    assert found(b'{"a":1}\n\n  \t\r\n{"b":2}\n') == [(1, None, '{"a":1}'), (4, None, '{"b":2}')]


def test_the_last_line_needs_no_newline() -> None:
    assert found(b'{"a":1}\n{"b":2}') == [(1, None, '{"a":1}'), (2, None, '{"b":2}')]


def test_a_return_character_before_the_newline_is_no_part_of_the_record() -> None:
    (first, second, third) = read(b'{"a":1}\r\n{"b":"\xc3\xa9"}\n{"c":3}\r')
    assert (first["text"], first["bytes"]) == ('{"a":1}', 7)
    assert (second["text"], second["bytes"]) == ('{"b":"é"}', 10)
    assert (third["text"], third["bytes"]) == ('{"c":3}', 7)


def test_a_good_record_has_no_reason_and_no_hash() -> None:
    (row,) = read(b'{"a":1}\n')
    assert row["reject_reason"] is None
    assert row["sha256"] is None


def test_text_that_is_no_json_goes_on_as_it_stands() -> None:
    assert found(b'{"a":1}\nnot json\n{"a":\n') == [(1, None, '{"a":1}'), (2, None, "not json"), (3, None, '{"a":')]


def test_blanks_around_a_record_stay_in_its_text() -> None:
    assert found(b'{"a":1}\n  {"b":2} \n') == [(1, None, '{"a":1}'), (2, None, '  {"b":2} ')]


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \t\r\n", b"\xef\xbb\xbf"])
def test_content_without_records_gives_no_rows(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_byte_order_mark_is_skipped_at_the_beginning_only(size: int) -> None:
    mark = b"\xef\xbb\xbf"
    assert found(mark + b"1\n" + mark + b"2\n", size=size) == [(1, None, "1"), (2, None, "\ufeff2")]


def test_a_line_that_is_not_utf8_is_rejected_alone() -> None:
    rows = read(b'{"a":1}\n{"b":"\xff"}\n\n{"c":"\xc3\xa9"}\n')
    assert [(row["line"], row["text"]) for row in rows] == [(1, '{"a":1}'), (2, None), (4, '{"c":"é"}')]
    assert rows[1]["reject_reason"] == "bad_encoding"
    assert rows[1]["bytes"] == 9
    assert rows[1]["sha256"] == sha256(b'{"b":"\xff"}').hexdigest()


@pytest.mark.parametrize("size", [1, 7, 64, 10**6])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_is_too_long_by_one_byte_wherever_it_is_cut(size: int, ending: bytes) -> None:
    fits, too_long = b"x" * 100, b"y" * 101
    rows = read(b"1\n" + fits + b"\r\n" + too_long + b"\n2\n" + too_long + ending, size=size, limit=100)
    assert [(row["line"], row["text"]) for row in rows] == [(1, "1"), (2, "x" * 100), (3, None), (4, "2"), (5, None)]
    for row in (rows[2], rows[4]):
        assert row["reject_reason"] == "line_too_long"
        assert row["bytes"] == 101
        assert row["sha256"] == sha256(too_long).hexdigest()


def test_a_long_line_is_never_held() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"a":1}\n'
        for _ in range(300):
            yield b"z" * 2**20
        yield b'\n{"b":2}\n'

    import tracemalloc

    tracemalloc.start()
    rows = [row for batch in read_object("a", chunks(), 2**20) for row in batch.to_pylist()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(row["line"], row["bytes"]) for row in rows] == [(1, 7), (2, 300 * 2**20), (3, 7)]
    assert peak < 12 * 2**20


# --- arrays and documents


def test_an_array_in_a_line_is_unpacked_with_its_line_and_index() -> None:
    data = b'{"a":1}\n [ {"b":2} , {"c":[3]} ]\n{"d":4}\n'
    assert found(data) == [(1, None, '{"a":1}'), (2, 0, '{"b":2}'), (2, 1, '{"c":[3]}'), (3, None, '{"d":4}')]


def test_an_empty_array_holds_no_record() -> None:
    assert found(b'[]\n{"a":1}\n') == [(2, None, '{"a":1}')]


@pytest.mark.parametrize("broken", ["[1,", "[1,]", "[1] 2", "[NaN]", "[", "[1 2]"])
def test_a_broken_array_goes_on_as_it_stands(broken: str) -> None:
    assert found(b'{"a":1}\n' + broken.encode() + b"\n") == [(1, None, '{"a":1}'), (2, None, broken)]


def test_a_file_that_is_one_array_in_a_line_gives_its_elements() -> None:
    assert found(b'[{"a":1},{"b":2}]') == [(1, 0, '{"a":1}'), (1, 1, '{"b":2}')]


def test_an_array_over_several_lines_gives_its_elements_at_line_one() -> None:
    assert found(b'\n[\n  {"a": 1},\n  {\n "b": 2}\n]\n') == [(1, 0, '{"a": 1}'), (1, 1, '{\n "b": 2}')]


def test_a_pretty_printed_object_is_one_record() -> None:
    (row,) = read(b'{\n  "a": "\xc3\xa9"\n}\n')
    assert (row["line"], row["record_index"], row["text"], row["bytes"]) == (1, None, '{\n  "a": "é"\n}', 15)


def test_elements_keep_their_source_text_to_the_last_digit() -> None:
    numbers = "1.10, 0.1000000000000000055511151231257827, 1E400, 12345678901234567890123, -0"
    texts = [text for _, _, text in found(f"[{numbers}]".encode())]
    assert texts == numbers.split(", ")


def test_a_number_of_more_digits_than_python_converts_is_kept() -> None:
    assert found(b"[" + b"9" * 5000 + b"]", limit=10**4) == [(1, 0, "9" * 5000)]


def test_nested_arrays_are_unpacked_once() -> None:
    assert found(b"[[1,2],[3]]") == [(1, 0, "[1,2]"), (1, 1, "[3]")]


def test_a_nesting_too_deep_to_parse_goes_on_as_it_stands() -> None:
    deep = "[" * 200_000
    assert found(deep.encode(), limit=10**6) == [(1, None, deep)]


def test_lines_survive_a_file_that_begins_with_a_broken_line() -> None:
    assert found(b'{"a":\n{"b":2}\n{"c":3}\n') == [(1, None, '{"a":'), (2, None, '{"b":2}'), (3, None, '{"c":3}')]


def test_a_file_whose_first_line_is_a_value_is_lines_even_if_it_is_an_array() -> None:
    assert found(b'[1]\n{"b":2}\n') == [(1, 0, "1"), (2, None, '{"b":2}')]


def test_a_document_longer_than_a_line_may_be_is_read_by_lines() -> None:
    data = b"{\n" + b'"a": 1,\n' * 200 + b'"b": 2\n}\n'
    assert len(found(data)) == 203


def test_a_document_that_is_not_utf8_is_read_by_lines() -> None:
    assert found(b'{\n"a": "\xff"\n}') == [(1, None, "{"), (2, None, "bad_encoding"), (3, None, "}")]


# --- compression


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("pack", [gzip.compress, zst])
@pytest.mark.parametrize("size", [1, 5, 10**6])
def test_compression_is_told_by_the_first_bytes_and_not_by_the_name(pack: Any, size: int) -> None:
    assert found(pack(b'{"a":1}\n{"b":2}\n'), "a.json", size=size) == [(1, None, '{"a":1}'), (2, None, '{"b":2}')]
    assert found(b'{"a":1}\n', "a.json.gz", size=size) == [(1, None, '{"a":1}')]


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_members_one_after_another_are_one_stream(pack: Any) -> None:
    data = pack(b'{"a":1}\n{"b"') + pack(b"") + pack(b":2}\n")
    assert found(data, size=11) == [(1, None, '{"a":1}'), (2, None, '{"b":2}')]


def test_zero_padding_behind_a_gzip_member_is_allowed() -> None:
    assert found(gzip.compress(b"1\n") + b"\0" * 512) == [(1, None, "1")]


def test_garbage_behind_a_gzip_member_is_one_reject() -> None:
    assert found(gzip.compress(b"1\n") + b"garbage") == [(1, None, "1"), (2, None, "decompression_error")]


def test_a_truncated_gzip_keeps_its_lines_and_rejects_the_partial_one() -> None:
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(b'{"a":1}\n\n{"b":') + packer.flush(zlib.Z_SYNC_FLUSH)
    rows = read(data)
    assert [(row["line"], row["text"], row["reject_reason"]) for row in rows] == [
        (1, '{"a":1}', None),
        (3, None, "decompression_error"),
    ]
    assert rows[1]["bytes"] == 5
    assert rows[1]["sha256"] == sha256(b'{"b":').hexdigest()


def test_a_truncated_zstd_keeps_its_lines_and_rejects_the_partial_one() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    data = packer.compress(b'{"a":1}\n{"b":') + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    rows = read(data)
    assert [(row["line"], row["text"], row["bytes"]) for row in rows] == [(1, '{"a":1}', 7), (2, None, 5)]
    assert rows[1]["reject_reason"] == "decompression_error"


def test_a_stream_that_breaks_between_lines_still_says_so() -> None:
    packer = zlib.compressobj(wbits=31)
    (_, row) = read(packer.compress(b'{"a":1}\n') + packer.flush(zlib.Z_SYNC_FLUSH))
    assert (row["line"], row["reject_reason"], row["bytes"]) == (2, "decompression_error", 0)
    assert row["sha256"] == sha256(b"").hexdigest()


def test_a_damaged_gzip_keeps_every_line_before_the_damage() -> None:
    lines = b"".join(b'{"n":%d}\n' % n for n in range(50_000))
    damaged = bytearray(gzip.compress(lines))
    damaged[-6] ^= 0xFF  # in the checksum: all lines were decoded by then
    rows = read(bytes(damaged))
    assert len(rows) == 50_001
    assert rows[-1]["reject_reason"] == "decompression_error"


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_a_stream_that_is_only_a_magic_number_is_one_reject(pack: Any) -> None:
    assert found(pack(b"")[:4]) == [(1, None, "decompression_error")]


def test_a_broken_stream_in_a_long_line_counts_all_its_bytes() -> None:
    packer = zlib.compressobj(wbits=31)
    (row,) = read(packer.compress(b"x" * 5000) + packer.flush(zlib.Z_SYNC_FLUSH))
    assert (row["line"], row["reject_reason"], row["bytes"]) == (1, "decompression_error", 5000)
    assert row["sha256"] == sha256(b"x" * 5000).hexdigest()


# --- CSV


def test_csv_rows_become_objects_of_strings() -> None:
    data = b'model,cost,note\r\ngpt-4o,0.10,"a ""b"", c"\r\nx,,""\r\n'
    assert found(data, "calls.CSV") == [
        (2, None, '{"model":"gpt-4o","cost":"0.10","note":"a \\"b\\", c"}'),
        (3, None, '{"model":"x","note":""}'),
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst", "x/a.csv_0_0.csv.gz", "b.csv.part-3"])
def test_csv_is_told_by_the_name_before_the_compression(name: str) -> None:
    assert found(gzip.compress(b"a\n1\n"), name) == [(2, None, '{"a":"1"}')]


@pytest.mark.parametrize("name", ["a.csvx", "x.csv/a.json", "a.csv.ndjson", "csv"])
def test_other_names_are_not_csv(name: str) -> None:
    assert found(b"a\n1\n", name) == [(1, None, "a"), (2, None, "1")]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_csv_value_may_span_lines_and_its_row_is_at_the_line_it_begins_on(size: int) -> None:
    data = b'a,b\n"x\r\ny\n""z""",1\n\n2,3\n'
    assert found(data, "a.csv", size=size) == [
        (2, None, '{"a":"x\\r\\ny\\n\\"z\\"","b":"1"}'),
        (6, None, '{"a":"2","b":"3"}'),
    ]


def test_a_csv_row_with_another_number_of_fields_is_rejected_alone() -> None:
    rows = read(b"a,b\n1,2\n3\n4,5,6\n7,8", "a.csv")
    assert [(row["line"], row["text"] or row["reject_reason"]) for row in rows] == [
        (2, '{"a":"1","b":"2"}'),
        (3, "malformed_json"),
        (4, "malformed_json"),
        (5, '{"a":"7","b":"8"}'),
    ]
    assert rows[2]["sha256"] == sha256(b"4,5,6").hexdigest()
    assert [row["bytes"] for row in rows] == [3, 1, 5, 3]


def test_a_quote_that_never_closes_costs_only_its_line() -> None:
    data = b'a,b\n1,"x\n2,y\n3,"z"\n4,w\n'
    assert found(data, "a.csv") == [
        (2, None, "malformed_json"),
        (3, None, '{"a":"2","b":"y"}'),
        (4, None, '{"a":"3","b":"z"}'),
        (5, None, '{"a":"4","b":"w"}'),
    ]


def test_a_quote_inside_an_unquoted_csv_value_is_a_character() -> None:
    assert found(b'a,b\n5" screen,x\n', "a.csv") == [(2, None, '{"a":"5\\" screen","b":"x"}')]


def test_csv_rows_that_are_too_long_or_not_utf8_are_rejected_alone() -> None:
    data = b"\xef\xbb\xbfa\n" + b"x" * 101 + b"\n" + b"y" * 100 + b"\r\n\xff\n1\n"
    rows = read(data, "a.csv", limit=100)
    assert [(row["line"], row["reject_reason"], row["bytes"]) for row in rows] == [
        (2, "line_too_long", 101),
        (3, None, 100),
        (4, "bad_encoding", 1),
        (5, None, 1),
    ]
    assert rows[0]["sha256"] == sha256(b"x" * 101).hexdigest()
    assert rows[3]["text"] == '{"a":"1"}'


def test_a_truncated_compressed_csv_keeps_its_rows() -> None:
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(b"a,b\n1,2\n3,") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert found(data, "a.csv.gz") == [(2, None, '{"a":"1","b":"2"}'), (3, None, "decompression_error")]


@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_a_truncated_csv_says_so_in_a_long_row_and_behind_one(size: int) -> None:
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"a\n" + b"x" * 150) + packer.flush(zlib.Z_SYNC_FLUSH)
    (broken,) = read(head, "a.csv", size=size, limit=100)
    assert (broken["line"], broken["reject_reason"], broken["bytes"]) == (2, "decompression_error", 150)
    more = packer.compress(b"\n1\n2") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert found(head + more, "a.csv", size=size, limit=100) == [
        (2, None, "line_too_long"),
        (3, None, '{"a":"1"}'),
        (4, None, "decompression_error"),
    ]


def test_a_csv_header_alone_gives_no_record() -> None:
    assert found(b"a,b\n", "a.csv") == []


# --- Parquet


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def test_parquet_rows_become_objects_of_strings_without_nulls() -> None:
    at = datetime(2026, 11, 20, 16, 30, 0, 123456, tzinfo=UTC)
    oslo = pa.array([at, None], pa.timestamp("us", "Europe/Oslo"))
    table = pa.table(
        {
            "n": pa.array([2**62 + 1, None]),
            "cost": pa.array([Decimal("0.100000000001"), None], pa.decimal128(38, 12)),
            "at": oslo,
            "naive": pa.array([at.replace(tzinfo=None), None], pa.timestamp("ms"), safe=False),
            "ok": pa.array([True, False]),
            "x": pa.array([0.1, 500.0]),
            "text": pa.array(['say "é"', None]).dictionary_encode(),
            "raw": pa.array([b"plain", b"\xff"]),
        }
    )
    assert [json.loads(text or "") for _, _, text in found(parquet(table))] == [
        {
            "n": "4611686018427387905",
            "cost": "0.100000000001",
            "at": "2026-11-20T16:30:00.123456Z",
            "naive": "2026-11-20T16:30:00.123",
            "ok": "true",
            "x": "0.1",
            "text": 'say "é"',
            "raw": "plain",
        },
        {"ok": "false", "x": "500", "raw": "/w=="},
    ]


def test_nested_parquet_values_stay_nested_json() -> None:
    row = {"tags": [("team", "a"), ("none", None)], "usage": {"in": 5, "out": None}, "list": [[1, None], None]}
    kinds = {
        "tags": pa.map_(pa.string(), pa.string()),
        "usage": pa.struct([("in", pa.int64()), ("out", pa.int64())]),
        "list": pa.list_(pa.list_(pa.int64())),
    }
    empty = {"tags": None, "usage": None, "list": []}
    table = pa.table({name: pa.array([row[name], empty[name]], kind) for name, kind in kinds.items()})
    assert [text for _, _, text in found(parquet(table))] == [
        '{"tags":{"team":"a","none":null},"usage":{"in":"5"},"list":[["1",null],null]}',
        '{"list":[]}',
    ]


def test_parquet_rows_are_numbered_across_row_groups() -> None:
    rows = found(parquet(pa.table({"n": range(20_000)}), row_group_size=3_000), "calls", size=10_000)
    assert rows[0] == (1, None, '{"n":"0"}')
    assert rows[12_345] == (12_346, None, '{"n":"12345"}')
    assert len(rows) == 20_000


def test_a_broken_parquet_file_is_one_reject() -> None:
    data = parquet(pa.table({"n": [1, 2]}))[:-5]
    (row,) = read(data)
    assert (row["line"], row["reject_reason"], row["bytes"]) == (1, "malformed_json", len(data))
    assert row["sha256"] == sha256(data).hexdigest()


def test_a_compressed_parquet_file_is_read_and_a_truncated_one_is_one_reject() -> None:
    data = gzip.compress(parquet(pa.table({"n": [1, 2]})))
    assert [line for line, _, _ in found(data)] == [1, 2]
    assert [reason for _, _, reason in found(data[:-20])] == ["decompression_error"]


# --- whatever comes in

SMALL_BYTES = st.binary(max_size=6) | st.text('[]{},:"1a \t\r\n\ufeff\xe9', max_size=6).map(str.encode)
BLOBS = st.lists(SMALL_BYTES | st.just(b"\n") | st.just(b"\r\n")).map(b"".join)


def is_plain(blob: bytes) -> bool:
    """True for content that is neither compressed, Parquet nor an array or document to be unpacked."""
    body = blob.removeprefix(b"\xef\xbb\xbf")
    brackets = any(line.strip(b" \t\r").startswith(b"[") for line in body.split(b"\n"))
    return not (blob.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) or brackets or body.lstrip().startswith(b"{"))


@given(BLOBS.filter(is_plain), st.integers(1, 9), st.integers(1, 12))
def test_every_line_that_is_not_blank_is_one_row_and_nothing_is_lost(blob: bytes, size: int, limit: int) -> None:
    lines = [line.removesuffix(b"\r") for line in blob.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    expected = [(number, line) for number, line in enumerate(lines, 1) if line.strip(b" \t\r") or len(line) > limit]
    rows = read(blob, size=size, limit=limit)
    assert [(row["line"], row["bytes"]) for row in rows] == [(number, len(line)) for number, line in expected]
    for row, (_, line) in zip(rows, expected, strict=True):
        if row["text"] is None:
            assert row["sha256"] == sha256(line).hexdigest()
            assert row["reject_reason"] == ("line_too_long" if len(line) > limit else "bad_encoding")
        else:
            assert row["text"].encode() == line


@given(BLOBS, st.integers(1, 9))
def test_how_content_is_cut_into_chunks_never_matters(blob: bytes, size: int) -> None:
    assert read(blob, size=size) == read(blob)


@given(BLOBS, st.integers(1, 9))
def test_how_csv_is_cut_into_chunks_never_matters(blob: bytes, size: int) -> None:
    assert read(blob, "a.csv", size=size) == read(blob, "a.csv")


@given(
    st.lists(
        st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=2, max_size=2)
    )
)
def test_csv_values_survive_quoting(rows: list[list[str | None]]) -> None:
    def field(value: str | None) -> str:
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    data = "".join(",".join(map(field, row)) + "\r\n" for row in [["a", "b"], *rows])
    texts = [json.loads(text or "") for _, _, text in found(data.encode(), "a.csv")]
    assert texts == [{name: value for name, value in zip("ab", row, strict=True) if value is not None} for row in rows]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_stream_that_grows_beyond_measure_is_broken_off(
    monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    def texts(content: bytes, ratio: int) -> list[str]:
        batches = read_object("a", iter([content]), LIMIT, ratio)
        return [row["text"] or row["reject_reason"] for batch in batches for row in batch.to_pylist()]

    monkeypatch.setattr(compression, "HARMLESS_BYTES", 2**20)
    bomb = compress(b'{"a":1}\n' + b"\n" * (3 * 2**20))
    assert texts(bomb, 10**6) == ['{"a":1}']
    assert texts(bomb, 2)[-1] == "decompression_error"
    harmless = compress(b'{"a":1}\n' + b"\n" * 2**19)
    assert texts(harmless, 2) == ['{"a":1}']
