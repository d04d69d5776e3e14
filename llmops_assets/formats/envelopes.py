"""Opens lines that hold many records: each record becomes a line of its own, with its place in `record_index`.

Which lines those are and what is in them, the formats' envelopes say. Belongs here: putting the records in the
place of their line, so that nothing is lost: a line without any stays, as no call or with a reason to reject it.
"""

from collections.abc import Sequence

import duckdb

from llmops_assets.formats.format import Envelope, Format

LINES = "llm_lines"
RECEIVED = "llm_received"
CLOSED = "llm_closed"
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
    connection.execute(f"create or replace temp table {CLOSED} as {_closed(shapes, objects, envelope)}")
    connection.execute(f"create or replace temp table {CONTAINED} as {_contained(envelope)}")
    connection.execute(f"create temp table {LINES} as {_lines()}")
    connection.execute(f"drop table {RECEIVED}; drop table {CLOSED}; drop table {CONTAINED}")


def _closed(shapes: str, objects: str, envelope: Envelope) -> str:
    """One row per line with this envelope: why it cannot be opened, if so."""
    return f"""
select l.rowid as place, {envelope.reason} as reason
from {RECEIVED} as l
inner join {objects} as o on l.object_id = o.object_id
inner join {shapes} as s on l.shape = s.shape and o.configured_format is not distinct from s.configured_format
where s.envelope = '{envelope.name}'"""


def _contained(envelope: Envelope) -> str:
    """One row per record."""
    return f"""
with opened as (
    select l.rowid as place, l.text
    from {RECEIVED} as l
    where l.rowid in (select c.place from {CLOSED} as c where c.reason is null)
),
records as ({envelope.records})
select place, record_index, coalesce(text, 'null') as text from records"""


def _lines() -> str:
    """The columns of LINES: lines as they were, the records of the others, and those in which there is none."""
    index = f"coalesce((l.record_index + 1) * {PLACES} + c.record_index, c.record_index)"
    return f"""
select l.* from {RECEIVED} as l anti join {CLOSED} as c on l.rowid = c.place
union all
select
    object_id, line, record_index, text, strlen(text) as bytes, null as sha256, shape, arrived_at, record_key,
    record_headers, case when shape is null then 'not_an_object' end as shape_reason
from (
    select l.* exclude (text, record_index, shape), {index} as record_index, c.text, {shape_of("c.text")} as shape
    from {CONTAINED} as c
    inner join {RECEIVED} as l on c.place = l.rowid
)
union all
select l.* replace (null as shape, c.reason as shape_reason)
from {RECEIVED} as l
inner join {CLOSED} as c on l.rowid = c.place
where c.place not in (select place from {CONTAINED})"""
