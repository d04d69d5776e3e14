"""The lines of a batch with their shapes, and which format claims each shape.

A shape is the list of a record's top-level names, in their order. A batch has a handful of them, so that
repeated names and the formats' claims are looked at once for each shape and not for each line. Which reason
a record is rejected with here is the first that applies, in this order: the splitter's own (bad_encoding,
line_too_long, …), malformed_json, not_an_object, duplicate_key, unknown_format. Lines that hold many records
are opened first (`envelopes`), and what is in them is looked at like lines.
"""

from collections.abc import Sequence

import duckdb

from llmops_assets.formats.envelopes import LINES, envelope_of, open_lines, shape_of
from llmops_assets.formats.format import Format
from llmops_assets.formats.reading import Reading

SHAPES = "llm_shapes"


def lines_query(lines: str) -> str:
    """One row per line: its text if it is JSON after all, its shape if it is an object, or what is wrong.

    The text of a shape is that of the list, which tells any two lists apart: DuckDB quotes what it must.
    """
    return f"""
select
    object_id, line, record_index, text, bytes, sha256, shape, arrived_at, record_key, record_headers,
    coalesce(reject_reason, case when not is_json then 'malformed_json' when shape is null then 'not_an_object' end)
        as shape_reason
from (
    select *, case when is_json then {shape_of("text")} end as shape
    from ({_repaired(lines)})
)"""


def _repaired(lines: str) -> str:
    """Valid JSON only, which DuckDB's parser alone does not ensure; half of a surrogate pair is dropped."""
    return f"""
        select
            * exclude (text, sha256, is_parsed, is_cut),
            case when is_cut then llm_without_lone_surrogates(text) else text end as text,
            case when is_cut then sha256(text) else sha256 end as sha256,
            case
                when is_parsed then not llm_is_lax(text)
                when is_cut then json_valid(llm_without_lone_surrogates(text))
                    and not llm_is_lax(llm_without_lone_surrogates(text))
                else false
            end as is_json
        from (
            select
                *,
                case when reject_reason is null then json_valid(text) else false end as is_parsed,
                not is_parsed and llm_has_lone_surrogate(text) as is_cut
            from {lines}
        )"""


def shapes_query(lines: str, objects: str, formats: Sequence[Format]) -> str:
    """One row per shape and configured format of the relation `lines`: who claims it, or why nobody does."""
    claims = "\n".join(
        f"        when coalesce(configured_format, '{one.name}') = '{one.name}' and ({one.detect}) then '{one.name}'"
        for one in formats
    )
    return f"""
select
    shape, configured_format, keys,
    case
        when is_repeated then null
{claims}
    end as format,
    case when is_repeated then 'duplicate_key' when format is null then 'unknown_format' end as claim_reason,
    case when not is_repeated then {envelope_of(formats)} end as envelope
from (
    select shape, configured_format, json_keys(text) as keys, list_unique(keys) <> len(keys) as is_repeated
    from (
        select l.shape, o.configured_format, any_value(l.text) as text
        from {lines} as l
        inner join {objects} as o on l.object_id = o.object_id
        where l.shape is not null
        group by all
    )
)"""


def split(connection: duckdb.DuckDBPyConnection, lines: str, objects: str, formats: Sequence[Format]) -> list[Reading]:
    """Make the tables LINES and SHAPES, of this connection only; what there is to read, by format."""
    connection.execute(f"create or replace temp table {LINES} as {lines_query(lines)}")
    shapes = f"create or replace temp table {SHAPES} as {shapes_query(LINES, objects, formats)}"
    connection.execute(shapes)
    if open_lines(connection, SHAPES, objects, formats):
        connection.execute(shapes)
    readable = sorted({name for one in formats for name in one.struct})
    found = connection.execute(
        f"select format, list_distinct(flatten(list(list_intersect(keys, ?)))) from {SHAPES} "
        "where format is not null group by format",
        [readable],
    ).fetchall()
    names = {name: frozenset(occurring) for name, occurring in found}
    return [Reading(one, names[one.name]) for one in formats if one.name in names]
