"""A batch is read by the names that occur in it: that changes the cost of a row and never the row."""

import random
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from decoding import Decoder, Row, flat, some
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from payloads import payload
from test_formats_conservation import mutated

from llmops_assets.duck import another
from llmops_assets.formats import Format, all_formats
from llmops_assets.formats.format import DEFAULTS, texts
from llmops_assets.formats.query import rows_query
from llmops_assets.formats.reading import Reading

ACME = Format(
    name="acme",
    detect="list_contains(keys, 'acme_id')",
    struct={**texts("acme_id", "model-name", "price"), "usage": {"parts": [texts("count")]}, "labels": ["VARCHAR"]},
    steps=({"label": "acme.labels[1]", "first": "acme.usage.parts[1]"}, {"word": "lower(acme_label)"}),
    columns={
        "event_id": "acme.acme_id",
        "model": 'acme."model-name"',
        "feature": "acme_word",
        "tokens_input": "acme_first.count",
        "cost": "coalesce(acme.price, acme.usage.parts[2].count)",
        "cost_kind": "case when acme.price is null then 'billed' else 'estimated' end",
    },
)


def whole(one: Format) -> Reading:
    """All that a format can read."""
    return Reading(one, frozenset(one.struct))


@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(dice=st.randoms(use_true_random=False))
def test_rows_are_those_of_reading_every_name_of_their_format(decoder: Decoder, dice: random.Random) -> None:
    rows = decoder.rows(*(mutated(dice) for _ in range(dice.choice([1, 2, 60]))))
    # Of the others no line would come, and to plan them all takes longer than the rest of this file.
    claimants = {row["format"] for row in rows}
    general = rows_query([whole(one) for one in all_formats() if one.name in claimants], "objects")
    result = decoder.connection.execute(f"select * from ({general}) order by line")
    names = [column[0] for column in result.description or ()]
    assert rows == [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def test_what_only_reads_absent_names_is_left_out() -> None:
    reading = Reading(ACME, frozenset(("acme_id", "price", "other")))
    assert reading.structure == """'{"acme_id": "VARCHAR", "price": "VARCHAR"}'"""
    assert reading.steps == [{}, {}]
    assert reading.columns.keys() == DEFAULTS.keys() | {"event_id", "cost"}
    assert reading.columns["cost"] == "coalesce(acme.price, cast(null as VARCHAR))"


def test_an_absent_name_is_a_null_of_its_type_where_something_else_is_read_or_a_default_is_stated() -> None:
    labelled = Reading(ACME, frozenset(("acme_id", "labels")))
    assert labelled.steps == [{"label": "acme.labels[1]"}, {"word": "lower(acme_label)"}]
    assert labelled.columns["cost_kind"] == "case when cast(null as VARCHAR) is null then 'billed' else 'estimated' end"
    nested = Format(name="n", detect="true", struct={"a": {"b": [texts("c")]}, "d": "VARCHAR"}, columns={
        "tags": "case when n.d = '' then n.a.b end",
    })  # fmt: skip
    assert Reading(nested, frozenset("d")).columns["tags"] == (
        "case when n.d = '' then cast(null as struct(\"c\" VARCHAR)[]) end"
    )


def test_everything_is_read_where_every_name_occurs() -> None:
    assert whole(ACME).steps == [dict(step) for step in ACME.steps]
    assert whole(ACME).columns == DEFAULTS | ACME.columns


@pytest.mark.parametrize("one", all_formats(), ids=lambda one: one.name)
def test_a_format_knows_nothing_of_a_record_that_says_nothing(decoder: Decoder, one: Format) -> None:
    stated = _evaluated(decoder, whole(one))
    assert {name: value for name, value in stated.items() if value is not None and name not in DEFAULTS} == {}


@pytest.mark.parametrize("one", all_formats(), ids=lambda one: one.name)
def test_a_format_can_be_read_without_any_of_its_names(decoder: Decoder, one: Format) -> None:
    names = list(one.struct)
    # Planning takes a tenth of a second: of a format with many names, every second or third is left out.
    for name in names[:: 1 + len(names) // 40]:
        assert _evaluated(decoder, Reading(one, frozenset(one.struct) - {name}))["cost_kind"] is not None
        assert _evaluated(decoder, Reading(one, frozenset((name,))))["cost_kind"] is not None


def _evaluated(decoder: Decoder, reading: Reading) -> Row:
    """Steps and columns of the record `{}`."""
    record = f"select '{{}}' as text, false as request_id_is_unique, json_transform(text, {reading.structure}) as "
    query = record + reading.one.name
    for step in reading.steps:
        query = _with(query, {f"{reading.one.name}_{name}": sql for name, sql in step.items()})
    result = decoder.connection.execute(_with(query, {f"column_{name}": sql for name, sql in reading.columns.items()}))
    values = dict(zip([column[0] for column in result.description or ()], result.fetchall()[0], strict=True))
    given = {"text", "request_id_is_unique", reading.one.name}
    return {name.removeprefix("column_"): value for name, value in values.items() if name not in given}


def _with(query: str, columns: Mapping[str, str]) -> str:
    return f"select *{''.join(f', {sql} as {name}' for name, sql in columns.items())} from ({query})"


def test_names_that_look_like_others_make_another_shape(decoder: Decoder) -> None:
    rows = decoder.rows(
        '{"model": "gpt-4o", "timestamp": "2026-11-20T15:00:00Z"}', '{"model, timestamp": "x"}', "{}",
        '{"model": "gpt-4o", "timestamp": "2026-11-20T15:00:00Z", "\'": 1, "NULL": 2, "": 3}',
    )  # fmt: skip
    assert [row["format"] for row in rows] == ["flat", None, None, "flat"]


def test_a_batch_may_have_more_shapes_than_records_of_one(decoder: Decoder) -> None:
    rows = decoder.rows(*({**flat(), f"trace {number}": number} for number in range(1500)))
    assert {some(row, "outcome", "tenant_id") for row in rows} == {("accepted", "acme")}


def test_batches_of_one_database_are_decoded_beside_each_other(decoder: Decoder) -> None:
    def decode(tenant: str, records: Iterable[Row]) -> list[Row]:
        with another(decoder.connection) as connection:
            return Decoder(connection).rows(*({**record, "tenant_id": tenant} for record in records))

    batches = [[flat()] * 30, [{**flat(), "user": "u"}] * 20, [flat(), payload()] * 10, [flat(tokens_input=-1)] * 5]
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(decode, "abcd", batches))
    assert [len(rows) for rows in decoded] == [30, 20, 20, 5]
    assert [{row["tenant_id"] for row in rows} for rows in decoded] == [{"a"}, {"b"}, {"c", "team-søk"}, {None}]
