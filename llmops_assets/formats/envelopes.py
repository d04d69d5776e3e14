"""Opens lines that hold many records: each record becomes a line of its own, with its place in `record_index`.

Which lines those are and what is in them, the formats' envelopes say. Belongs here: putting the records in the
place of their line, so that nothing is lost: a line without any stays, as no call or with a reason to reject it.
"""

from collections.abc import Sequence

import duckdb

from llmops_assets.formats.format import Envelope, Format

LINES = "llm_lines"
RECEIVED = "llm_received"
CONTAINED = "llm_contained"
# What is in record n of an array has places from (n + 1) times this, which no record of the array itself reaches.
PLACES = 1_000_000_000


def shape_of(text: str) -> str:
    """SQL of the shape of JSON, NULL for what is no object; trimming takes as long as parsing, so it comes last."""
    is_object = f"(starts_with({text}, '{{') or starts_with(ltrim({text}, e' \\t\\r\\n'), '{{'))"
    return f"case when {is_object} then cast(json_keys({text}) as varchar) end"


def envelope_of(formats: Sequence[Format]) -> str:
    """SQL over `keys` and `configured_format`: the envelope to open, of a format that may claim what is in it."""
    cases = "".join(
        f" when ({one.envelope.detect}) and coalesce(configured_format, '{one.name}') = '{one.name}' "
        f"then '{one.envelope.name}'"
        for one in formats
        if one.envelope is not None
    )
    return f"case{cases} end" if cases else "cast(null as varchar)"


def open_lines(connection: duckdb.DuckDBPyConnection, shapes: str, objects: str, formats: Sequence[Format]) -> bool:
    """Put the records of the lines whose shapes have an envelope in their place in LINES; whether there were any."""
    found = connection.execute(f"select distinct envelope from {shapes} where envelope is not null").fetchall()
    known = {one.envelope.name: one.envelope for one in formats if one.envelope is not None}
    for (name,) in found:
        _open(connection, shapes, objects, known[name])
    return bool(found)


def _open(connection: duckdb.DuckDBPyConnection, shapes: str, objects: str, envelope: Envelope) -> None:
    connection.execute(f"drop table if exists {RECEIVED}")
    connection.execute(f"alter table {LINES} rename to {RECEIVED}")
    connection.execute(f"create or replace temp table {CONTAINED} as {_contained(shapes, objects, envelope)}")
    connection.execute(f"create temp table {LINES} as {_lines()}")
    connection.execute(f"drop table {RECEIVED}; drop table {CONTAINED}")


def _contained(shapes: str, objects: str, envelope: Envelope) -> str:
    """One row per record, and one per line that has none or cannot be opened."""
    return f"""
with closed as (
    select l.rowid as place, l.text, {envelope.reason} as reason
    from {RECEIVED} as l
    inner join {objects} as o on l.object_id = o.object_id
    inner join {shapes} as s on l.shape = s.shape and o.configured_format is not distinct from s.configured_format
    where s.envelope = '{envelope.name}'
),
opened as (select place, text from closed where reason is null),
records as ({envelope.records})
select
    closed.place, closed.reason, records.record_index,
    case when records.record_index is not null then coalesce(records.text, 'null') end as text
from closed
left join records on closed.place = records.place"""


def _lines() -> str:
    """The columns of LINES: lines as they were, and the records of the others."""
    index = f"coalesce((l.record_index + 1) * {PLACES} + c.record_index, c.record_index, l.record_index)"
    shape = shape_of("c.text")
    return f"""
select l.* from {RECEIVED} as l anti join {CONTAINED} as c on l.rowid = c.place
union all
select
    l.object_id, l.line, {index} as record_index, coalesce(c.text, l.text) as text,
    case when c.text is null then l.bytes else strlen(c.text) end as bytes, case when c.text is null then l.sha256 end,
    {shape} as shape, l.arrived_at, l.record_key, l.record_headers,
    case when c.text is null then c.reason when {shape} is null then 'not_an_object' end as shape_reason
from {CONTAINED} as c
inner join {RECEIVED} as l on c.place = l.rowid"""
