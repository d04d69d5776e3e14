"""Builds the one SELECT that decodes a batch: lines in, rows of the raw table out, one for each line.

The stages are CTEs that DuckDB streams through, so that each line is parsed once for its keys and once
for its fields and no expression is computed twice. Which reason a record is rejected with is the first
that applies, in this order: the splitter's own (bad_encoding, line_too_long, …), malformed_json,
not_an_object, duplicate_key, unknown_format, missing_timestamp, implausible_timestamp, future_timestamp,
bad_type, negative_tokens, token_overflow, parts_exceed_total.
"""

from collections.abc import Iterable

from llmops_assets.formats import format as vocabulary
from llmops_assets.formats.assemble import rows_stage
from llmops_assets.formats.checks import checked_stage, typed_stage
from llmops_assets.formats.format import Format
from llmops_assets.formats.meaning import meaning_stages
from llmops_assets.formats.registry import all_formats

Stage = tuple[str, str]


def decode_query(lines: str, objects: str, *, keep_bytes: bool = False) -> str:
    """SQL of the rows of the raw table for the relation `lines`, whose objects are in `objects`.

    `lines`: object_id, line, record_index, text, bytes, reject_reason, sha256. `objects`: the columns of
    `llmops_assets.ingest.refresh.OBJECTS_SCHEMA`. With `keep_bytes`, what is no JSON keeps its text.
    """
    formats = all_formats()
    stages: list[Stage] = [
        ("placed", _placed(lines, objects)),
        ("repaired", _repaired()),
        ("keyed", _keyed()),
        ("counted", _counted()),
        ("claimed", _claimed(formats)),
        ("parsed", _parsed(formats)),
        *_steps(formats),
        ("mapped", _mapped(formats)),
        ("joined", _joined()),
        ("tested", _tested()),
        ("named", _named()),
        ("numbered", _numbered()),
        ("typed", typed_stage()),
        ("checked", checked_stage()),
        *meaning_stages(),
    ]
    return _chain(stages) + rows_stage(keep_bytes=keep_bytes)


def _chain(stages: list[Stage]) -> str:
    """CTEs, each reading the one before it through the name `previous` in its text."""
    sql = []
    before = ""
    for name, body in stages:
        sql.append(f"{name} as (\n{body.replace('previous', before)}\n)")
        before = name
    return "with " + ",\n".join(sql) + "\n"


def _placed(lines: str, objects: str) -> str:
    return f"""
    select
        l.line, l.record_index, l.text, l.bytes, l.reject_reason as split_reason, l.sha256,
        o.source, o.uri, o.version, o.arrival_hour, o.arrived_at, o.configured_format,
        coalesce(o.request_id_is_unique, false) as request_id_is_unique,
        case when l.reject_reason is null then json_valid(l.text) else false end as is_parsed,
        not is_parsed and llm_has_lone_surrogate(l.text) as is_cut
    from {lines} as l
    left join {objects} as o on l.object_id = o.object_id"""


def _repaired() -> str:
    """Valid JSON only, which DuckDB's parser alone does not ensure; half of a surrogate pair is dropped."""
    return """
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
    from previous"""


def _keyed() -> str:
    return """
    select
        *,
        case when is_json and starts_with(ltrim(text, e' \\t\\r\\n'), '{') then json_keys(text) end as keys
    from previous"""


def _counted() -> str:
    """Repeated keys, by their hashes first: three times cheaper than by the names."""
    return """
    select
        *,
        case
            when list_unique(list_transform(keys, lambda k: hash(k))) = len(keys) then false
            else list_unique(keys) <> len(keys)
        end as is_repeated
    from previous"""


def _claimed(formats: Iterable[Format]) -> str:
    claims = "\n".join(
        f"            when coalesce(configured_format, '{one.name}') = '{one.name}' and ({one.detect}) "
        f"then '{one.name}'"
        for one in formats
    )
    return f"""
    select
        *,
        case when not is_repeated then case
{claims}
        end end as format,
        case
            when split_reason is not null then split_reason
            when is_json is not true then 'malformed_json'
            when keys is null then 'not_an_object'
            when is_repeated then 'duplicate_key'
        end as shape_reason
    from previous"""


def _parsed(formats: Iterable[Format]) -> str:
    records = ",\n".join(
        f"        case when format = '{one.name}' then json_transform(text, {one.structure()}) end as {one.name}"
        for one in formats
    )
    return f"""
    select
        * exclude (keys, is_repeated),
        coalesce(shape_reason, case when format is null then 'unknown_format' end) as format_reason,
{records}
    from previous"""


def _steps(formats: tuple[Format, ...]) -> list[Stage]:
    """One stage for all formats' first steps, one for their second ones, and so on."""
    stages = []
    for depth in range(max(len(one.steps) for one in formats)):
        columns = [
            f"        case when format = '{one.name}' then {sql} end as {one.name}_{name}"
            for one in formats
            if depth < len(one.steps)
            for name, sql in one.steps[depth].items()
        ]
        stages.append((f"step_{depth}", "\n    select\n        *,\n" + ",\n".join(columns) + "\n    from previous"))
    return stages


def _mapped(formats: tuple[Format, ...]) -> str:
    """The fields of the most general format also where there is none, all NULL.

    DuckDB copies sixty columns row by row as soon as the first case does not hold for a whole chunk.
    """
    *others, general = formats
    cases = "\n".join(f"            when format = '{one.name}' then {one.fields()}" for one in others)
    return f"""
    select
        text, line, record_index, bytes, sha256, source, uri, version, arrival_hour, arrived_at, format,
        format_reason,
        case
            when coalesce(format, '{general.name}') = '{general.name}' then {general.fields()}
{cases}
        end as f
    from previous"""


def _joined() -> str:
    """All identifiers of a row in one text, to see at once whether any needs normalising."""
    names = ", ".join(f"f.{name}" for name in vocabulary.IDENTIFIERS)
    return f"""
    select *, concat_ws(chr(1), '', {names}, '') as identifiers
    from previous"""


def _tested() -> str:
    return """
    select * exclude (identifiers), llm_is_odd(text, identifiers) as odd
    from previous"""


def _named() -> str:
    identifiers = ",\n".join(f"        llm_identifier(f.{name}, odd) as {name}" for name in vocabulary.IDENTIFIERS)
    return f"""
    select
        * exclude (odd),
{identifiers}
    from previous"""


def _numbered() -> str:
    names = (*vocabulary.COUNTS, *vocabulary.NUMBERS, *vocabulary.TIMES)
    numbers = ",\n".join(f"        try_cast(f.{name} as double) as {name}_d" for name in names)
    return f"""
    select
        *,
{numbers}
    from previous"""
