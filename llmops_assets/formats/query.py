"""Builds the one SELECT that decodes a batch: lines in, rows of the raw table out, one for each record.

The lines of each format are a branch of their own, over the names that occur in the batch; what no format
claims is another. The stages of a branch are CTEs that DuckDB streams through, so that no expression is
computed twice. A claimed record is rejected with the first reason that applies, in this order:
duplicate_key (of tags), missing_timestamp, implausible_timestamp, future_timestamp, bad_type,
negative_tokens, token_overflow, parts_exceed_total.
"""

from collections.abc import Collection, Iterable

import duckdb

from llmops_assets.formats import format as vocabulary
from llmops_assets.formats.assemble import rejects, rows_stage
from llmops_assets.formats.attribution import attributed
from llmops_assets.formats.checks import checked_stage, typed_stage
from llmops_assets.formats.envelopes import LINES
from llmops_assets.formats.meaning import meaning_stages
from llmops_assets.formats.reading import Reading
from llmops_assets.formats.registry import all_formats
from llmops_assets.formats.shapes import SHAPES, split

Stage = tuple[str, str]


def decoding(connection: duckdb.DuckDBPyConnection, lines: str, objects: str, *, keep_bytes: bool = False) -> str:
    """Look through the relation `lines`, whose objects are in `objects`; SQL of its rows of the raw table.

    `lines`: the columns of `llmops_assets.sources.LINES_SCHEMA`. `objects`: those of
    `llmops_assets.ingest.refresh.OBJECTS_SCHEMA`. With `keep_bytes`, what is no JSON keeps its text. The SQL
    is for this connection, whose temporary tables it reads, until the next call.
    """
    readings = attributed(connection, objects, split(connection, lines, objects, all_formats()))
    return rows_query(readings, objects, keep_bytes=keep_bytes)


def records_in(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows the SQL of the last `decoding` has: lines, less those that were opened, and what was in these."""
    ((count,),) = connection.execute(f"select count(*) from {LINES}").fetchall()
    return int(count)


def rows_query(readings: Iterable[Reading], objects: str, *, keep_bytes: bool = False) -> str:
    """SQL of the rows of the tables LINES and SHAPES, in which only these formats and names occur."""
    branches = [_claimed(reading, objects, keep_bytes=keep_bytes) for reading in readings]
    return "\nunion all\n".join(f"({branch})" for branch in [*branches, _unclaimed(objects, keep_bytes=keep_bytes)])


def _claimed(reading: Reading, objects: str, *, keep_bytes: bool) -> str:
    known = reading.columns.keys()
    stages: list[Stage] = [
        ("placed", _placed(reading, objects)),
        *((f"step_{depth}", _step(reading, depth)) for depth in range(len(reading.steps)) if reading.steps[depth]),
        ("mapped", _mapped(reading)),
        ("joined", _joined(known)),
        ("cleaned", _cleaned(known)),
        ("named", _named(known)),
        ("typed", typed_stage(known)),
        ("checked", checked_stage(known)),
        *meaning_stages(),
    ]
    return _chain(stages) + rows_stage(known, keep_bytes=keep_bytes)


def _unclaimed(objects: str, *, keep_bytes: bool) -> str:
    lines = f"""
    select
        l.line, l.record_index, l.text, l.bytes, l.sha256, l.record_key, l.record_headers, o.topic, o.partition,
        o.source, o.uri, o.version, o.arrival_hour, coalesce(l.arrived_at, o.arrived_at) as arrived_at,
        null as format, false as is_call, coalesce(l.shape_reason, s.claim_reason) as reason
    from {LINES} as l
    left join {objects} as o on l.object_id = o.object_id
    left join {SHAPES} as s on l.shape = s.shape and o.configured_format is not distinct from s.configured_format
    where s.format is null"""
    return _chain([("unclaimed", lines)]) + rejects(keep_bytes=keep_bytes)


def _chain(stages: list[Stage]) -> str:
    """CTEs, each reading the one before it through the name `previous` in its text."""
    sql = []
    before = ""
    for name, body in stages:
        sql.append(f"{name} as (\n{body.replace('previous', before)}\n)")
        before = name
    return "with " + ",\n".join(sql) + "\n"


def _placed(reading: Reading, objects: str) -> str:
    """The format's lines; what is the same for an object is computed once for it."""
    name = reading.one.name
    return f"""
    select
        l.line, l.record_index, l.text, l.bytes, l.sha256, l.record_key, l.record_headers, o.topic, o.partition,
        o.source, o.uri, o.version, o.arrival_hour, coalesce(l.arrived_at, o.arrived_at) as arrived_at,
        case
            when l.arrived_at is null then o.latest_start
            when l.arrived_at <= o.hour_end then o.latest_start_in_hour
            else l.arrived_at + interval 1 day
        end as latest_start,
        o.request_id_is_unique, o.source_tenant,
        '{name}' as format, json_transform(l.text, {reading.structure}) as {name}
    from {LINES} as l
    inner join (
        select
            * replace (coalesce(request_id_is_unique, false) as request_id_is_unique),
            arrival_hour + interval 1 hour as hour_end,
            hour_end + interval 1 day as latest_start_in_hour,
            greatest(arrived_at, hour_end) + interval 1 day as latest_start
        from {objects}
    ) as o on l.object_id = o.object_id
    inner join {SHAPES} as s on l.shape = s.shape and o.configured_format is not distinct from s.configured_format
    where s.format = '{name}'"""


def _step(reading: Reading, depth: int) -> str:
    columns = ",\n".join(f"        {sql} as {reading.one.name}_{name}" for name, sql in reading.steps[depth].items())
    return f"\n    select\n        *,\n{columns}\n    from previous"


def _mapped(reading: Reading) -> str:
    """The fields that may be known; texts as `<field>_text`."""
    fields = {
        name if name in vocabulary.TYPED else f"{name}_text": f"cast({reading.columns.get(name, 'null')} as {kind})"
        for name, kind in vocabulary.FIELDS.items()
        if name in reading.columns or name in vocabulary.ALWAYS
    }
    columns = ",\n".join(f"        {sql} as {name}" for name, sql in fields.items())
    return f"""
    select
        text, line, record_index, bytes, sha256, source, uri, version, arrival_hour, arrived_at, latest_start, format,
        topic, partition, record_key, record_headers, source_tenant,
{columns}
    from previous"""


def _joined(known: Collection[str]) -> str:
    """All identifiers of a row in one text, to see at once whether any needs normalising."""
    names = (f"{name}_text" for name in vocabulary.IDENTIFIERS if name in known)
    return f"""
    select *, concat_ws({", ".join(("chr(1)", "''", *names, "''"))}) as identifiers
    from previous"""


def _cleaned(known: Collection[str]) -> str:
    """The identifiers of an odd row once more, as they are stored; NULL for all others."""
    names = ", ".join(f"{name}_text" for name in vocabulary.IDENTIFIERS if name in known)
    return f"""
    select
        * exclude (identifiers),
        case when llm_is_odd(text, identifiers) then llm_cleaned([{names}]) end as cleaned
    from previous"""


def _named(known: Collection[str]) -> str:
    """Identifiers as they are stored, and numbers as doubles, from which the typed values are made."""
    places = {name: place for place, name in enumerate((name for name in vocabulary.IDENTIFIERS if name in known), 1)}
    identifiers = (
        f"case when cleaned is null then {name}_text else cleaned[{places[name]}] end as {name}"
        if name in places
        else f"cast(null as varchar) as {name}"
        for name in vocabulary.IDENTIFIERS
    )
    numbers = (
        f"try_cast({name}_text as double) as {name}_d"
        for name in (*vocabulary.COUNTS, *vocabulary.NUMBERS)
        if name in known
    )
    # A cast that fails takes ten times as long, and what has a colon is no number.
    times = (
        f"case when not contains({name}_text, ':') then try_cast({name}_text as double) end as {name}_d"
        for name in vocabulary.TIMES
        if name in known or name in vocabulary.ALWAYS
    )
    # The source's tenant is known even where no record of a batch names one.
    attributed = "coalesce(source_tenant, tenant_id) as attributed_tenant"
    columns = ",\n        ".join((*identifiers, attributed, *numbers, *times))
    return f"""
    select
        * exclude (cleaned),
        {columns}
    from previous"""
