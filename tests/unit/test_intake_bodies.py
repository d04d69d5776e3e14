"""What the events endpoint makes of a body: the same bytes, one record a line, or the line that is wrong."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from llmops_assets.intake.bodies import Taken, plain, records_of
from llmops_assets.intake.errors import Refused
from llmops_assets.intake.tenants import named_tenant

MEBIBYTE = 2**20


def refusal(body: bytes) -> tuple[int, str]:
    """Status and message with which a body is refused."""
    with pytest.raises(Refused) as raised:
        records_of(body)
    return raised.value.status, str(raised.value)


def test_lines_are_stored_byte_for_byte() -> None:
    body = b'{"cost": 0.10000000000000000001, "n": 1E2}\n{"a" :\t"\\u00e9"}'
    assert records_of(body) == Taken(body + b"\n", 2)


def test_blank_lines_and_a_byte_order_mark_are_no_records() -> None:
    assert records_of(b'\xef\xbb\xbf{"a":1}\r\n\r\n \n{"a":2}\n\n') == Taken(b'{"a":1}\r\n{"a":2}\n', 2)


def test_an_object_over_several_lines_becomes_one_line() -> None:
    assert records_of(b'{\n "model": "gpt-4",\r\n "cost": 0.10\n}\n') == Taken(
        b'{  "model": "gpt-4",   "cost": 0.10 }\n', 1
    )


def test_the_elements_of_an_array_become_lines_with_their_text_as_it_was() -> None:
    body = b' [{"cost": 1.50},\n {"a": [1,\n 2], "t": "x\\ny]"}\n]'
    assert records_of(body) == Taken(b'{"cost": 1.50}\n{"a": [1,  2], "t": "x\\ny]"}\n', 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a":1}\n{"a":\n{"a":3}', "line 2: not valid JSON; nothing of the body was stored"),
        (b'{"a":1}\n\n17\n', "line 3: JSON, but not an object; nothing of the body was stored"),
        (b'{"a":1}\n{"a":"\xff"}\n', "line 2: not UTF-8; nothing of the body was stored"),
        (b'{"a":1},{"a":2}\n', "line 1: not valid JSON; nothing of the body was stored"),
        (b'{"a":NaN}', "line 1: not valid JSON; nothing of the body was stored"),
        (b'[{"a":1}, 2]', "element 1 of the array: JSON, but not an object"),
        (b'[{"a":1},]', "line 1: the body opens like a JSON array, but is none"),
        (b'[{"a":1}\n,{"a":"\xff"}]', "line 2: not UTF-8; nothing of the body was stored"),
        (b"", "the body holds no record; send JSON objects, one a line"),
        (b"[]", "the body holds no record; send JSON objects, one a line"),
    ],
)
def test_a_body_with_a_wrong_record_is_refused_with_its_place(body: bytes, message: str) -> None:
    assert refusal(body) == (400, message)


def test_a_refusal_holds_nothing_of_the_record() -> None:
    assert "secret" not in refusal(b'{"prompt": "secret')[1]


def test_records_that_are_not_allowed_are_left_out_and_counted() -> None:
    taken = records_of(b'{"tenant":"a"}\n{"tenant":"b"}\n{}\n', lambda record: record.get("tenant") != "b")
    assert taken == Taken(b'{"tenant":"a"}\n{}\n', 2, quarantined=1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(records=st.lists(st.dictionaries(st.text(), VALUES, max_size=3), min_size=1, max_size=5), indent=st.booleans())
def test_an_array_and_its_lines_hold_the_same_records(records: list[dict[str, object]], indent: bool) -> None:
    array = records_of(json.dumps(records, indent=2 if indent else None, ensure_ascii=True).encode())
    assert [json.loads(line) for line in array.data.splitlines()] == records
    assert array.events == len(records)


# Compression


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)),
        ("GZIP", gzip.compress(b"x" * 400, mtime=0) + gzip.compress(b"x" * 600, mtime=0)),
        ("zstd", zstandard.compress(b"x" * 1000)),
        ("identity", b"x" * 1000),
        ("", b"x" * 1000),
    ],
)
def test_a_compressed_body_is_unpacked(encoding: str, packed: bytes) -> None:
    assert plain(packed, encoding, 1000) == b"x" * 1000


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"\0" * 50 * MEBIBYTE), zstandard.compress(b"\0" * 50 * MEBIBYTE)],
    ids=["gzip", "zstd"],
)
def test_a_body_that_blows_up_is_refused(packed: bytes) -> None:
    encoding = "gzip" if packed.startswith(b"\x1f") else "zstd"
    with pytest.raises(Refused, match=r"the body is larger than 1048576 bytes") as raised:
        plain(packed, encoding, MEBIBYTE)
    assert raised.value.status == 413


@pytest.mark.parametrize(
    ("encoding", "packed", "status"),
    [
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9], 400),
        ("zstd", zstandard.compress(b"x" * 1000)[:-3], 400),
        ("gzip", b"plain", 400),
        ("gzip", zlib.compress(b"plain"), 400),
        ("br", b"plain", 415),
    ],
)
def test_a_damaged_or_unknown_compression_is_refused(encoding: str, packed: bytes, status: int) -> None:
    with pytest.raises(Refused) as raised:
        plain(packed, encoding, MEBIBYTE)
    assert raised.value.status == status


# Tenants


@pytest.mark.parametrize(
    ("record", "tenant"),
    [
        ({"tenant_id": "acme"}, "acme"),
        ({"tenant_id": None, "tenantSlug": " acme "}, "acme"),
        ({"tenant": "None", "metadata": {"tenantSlug": "acme"}}, "acme"),
        ({"tags": '{"tenantSlug": "acme"}'}, "acme"),
        ({"metadata": {"user_api_key_team_id": "", "user_api_key_org_id": "acme"}}, "acme"),
        ({"tenant_id": 7}, "7"),
        ({"tags": ["acme"], "metadata": "{broken"}, None),
        ({}, None),
    ],
)
def test_the_tenant_that_a_record_names_is_found_where_the_formats_read_it(
    record: dict[str, object], tenant: str | None
) -> None:
    assert named_tenant(record) == tenant
