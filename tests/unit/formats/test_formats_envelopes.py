"""Lines that hold many records: one row for each, in its place, and a line of its own for what holds none."""

import json
from collections.abc import Iterator

import pytest
from decoding import Decoder, Row, flat, line_of, some

from llmops_assets import formats
from llmops_assets.formats import query
from llmops_assets.formats.format import Envelope, Format, listed, texts

PARCEL = Envelope(
    "parcel",
    detect="list_contains(keys, 'parcel')",
    records=listed('json_transform(text, \'{"parcel": ["JSON"]}\').parcel'),
    reason="case when json_type(text, '$.parcel') <> 'ARRAY' then 'bad_type' end",
)
ITEM = Format(
    name="item",
    rank=1,
    envelope=PARCEL,
    detect="list_contains(keys, 'item')",
    struct=texts("item", "at", "in"),
    columns={"event_id": "item.item", "started_at": "item.at", "tokens_input": 'item."in"'},
)
TIME = 1795187045000


@pytest.fixture(autouse=True)
def known_parcels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = formats.all_formats()
    monkeypatch.setattr(query, "all_formats", lambda: (ITEM, *known))
    yield


def item(name: str, **fields: object) -> Row:
    return {"item": name, "at": TIME, "in": 5, **fields}


def test_each_record_of_a_line_is_a_row_with_its_place(decoder: Decoder) -> None:
    rows = decoder.rows(flat(), {"parcel": [item("a"), item("b"), item("c")]}, {"parcel": [item("d")]})
    assert [some(row, "line", "record_index", "event_id", "format") for row in rows] == [
        (1, None, "evt-1", "flat"),
        (2, 0, "a", "item"),
        (2, 1, "b", "item"),
        (2, 2, "c", "item"),
        (3, 0, "d", "item"),
    ]


def test_a_record_keeps_its_own_outcome_and_format(decoder: Decoder) -> None:
    mixed = [item("a", **{"in": -1}), flat(event_id="f"), 5, None, {"x": 1}, item("b", at=None)]
    rows = decoder.rows({"parcel": mixed})
    assert [some(row, "record_index", "format", "reject_reason") for row in rows] == [
        (0, "item", "negative_tokens"),
        (1, "flat", None),
        (2, None, "not_an_object"),
        (3, None, "not_an_object"),
        (4, None, "unknown_format"),
        (5, "item", "missing_timestamp"),
    ]
    first = json.dumps(mixed[0], separators=(",", ":"))
    assert some(rows[0], "payload_bytes", "payload") == (len(first), json.dumps(mixed[0]))


def test_a_line_without_records_has_one_outcome(decoder: Decoder) -> None:
    rows = decoder.rows({"parcel": []}, {"parcel": "lost"}, '{"parcel": [], "parcel": []}')
    assert [some(row, "record_index", "outcome", "reject_reason") for row in rows] == [
        (None, "not_a_call", None),
        (None, "rejected", "bad_type"),
        (None, "rejected", "duplicate_key"),
    ]
    assert rows[1]["payload"] == '{"parcel": "lost"}'


def test_a_line_that_is_one_of_many_has_places_of_its_own(decoder: Decoder) -> None:
    parcel, one = json.dumps({"parcel": [item("a"), item("b")]}), json.dumps(item("c"))
    rows = decoder.decode([line_of(1, text, record_index=n) for n, text in enumerate((parcel, one, parcel))])
    assert [row["record_index"] for row in rows] == [1, 1_000_000_000, 1_000_000_001, 3_000_000_000, 3_000_000_001]


def test_a_configured_format_opens_its_own_lines_only(decoder: Decoder) -> None:
    parcel = {"parcel": [item("a"), flat()]}
    assert [some(row, "record_index", "reject_reason") for row in decoder.rows(parcel, configured_format="flat")] == [
        (None, "unknown_format")
    ]
    rows = decoder.rows(parcel, configured_format="item")
    assert [some(row, "record_index", "reject_reason") for row in rows] == [(0, None), (1, "unknown_format")]


def test_a_record_that_came_out_of_a_line_is_read_again_by_itself(decoder: Decoder) -> None:
    alone = decoder.decode([line_of(2, json.dumps(item("b")), record_index=1)])
    assert [some(row, "line", "record_index", "event_id") for row in alone] == [(2, 1, "b")]


def test_the_number_of_rows_is_known_before_they_are_made(decoder: Decoder) -> None:
    rows = decoder.rows(flat(), {"parcel": [item("a"), item("b")]}, {"parcel": []})
    assert formats.records_in(decoder.connection) == len(rows) == 4


def test_an_id_is_derived_from_the_place_inside_the_line(decoder: Decoder) -> None:
    rows = decoder.rows({"parcel": [item("a", item=None), item("b", item=None)]})
    assert len({row["event_id"] for row in rows}) == 2
    assert all("derived_event_id" in row["flags"] for row in rows)
