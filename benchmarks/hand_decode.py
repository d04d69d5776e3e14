"""The first half of the hand-written script: records as lines of files to the raw table and the ingest ledger.

Strict decoding of the load's one shape: every record becomes one row with its position, its outcome and, if it
is refused, the reason, length and SHA-256. What rejects would keep of their text (`payload`) is not made.
DuckDB's reader does not number lines without giving up its threads, so Arrow reads them, and as DuckDB scans Arrow
with one thread, batches of objects are decoded side by side.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

SOURCE = "platform"
OBJECTS_PER_BATCH = 8
TEXTS = (
    "event_id", "request_id", "tenant_id", "user_id", "provider", "model", "event_type", "error_code",
    "finish_reason",
)  # fmt: skip
COUNTS = ("tokens_input", "tokens_output", "tokens_cache_read", "status_code")
FLAGS = ("cache_hit", "streaming", "success")
FIELDS = (
    "event_id", "request_id", "tenant_id", "user_id", "provider", "model", "event_type", "cache_hit", "streaming",
    "tokens_input", "tokens_output", "tokens_cache_read", "latency_ms", "cost_usd", "success", "status_code",
    "error_code", "finish_reason", "timestamp",
)  # fmt: skip

_STRUCTURE = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in FIELDS) + "}"
_KEYS = "[" + ", ".join(f"'{name}'" for name in FIELDS) + "]"
_COUNTS_OK = " and ".join(
    f"(r.{name} is null or ({name} is not null and not contains(r.{name}, '.')))" for name in COUNTS
)
_FLAGS_OK = " and ".join(f"(r.{name} is null or {name} is not null)" for name in FLAGS)

# Event columns in the platform's order; a type without an expression is a column that this shape never has.
_EVENT = {
    "event_id": "event_id", "request_id": "request_id", "trace_id": "::varchar", "attempt": "::integer",
    "event_time": "event_time", "tenant_id": "tenant_id", "user_id": "user_id", "end_user_id": "::varchar",
    "session_id": "::varchar", "api_key_id": "::varchar", "feature": "::varchar", "environment": "::varchar",
    "config_id": "::varchar", "variant_id": "::varchar", "tags": "map()::map(varchar, varchar)",
    "provider": "lower(provider)", "upstream_provider": "::varchar", "model": "model", "requested_model": "::varchar",
    "region_scope": "::varchar", "operation": "event_type", "streaming": "streaming", "cache_hit": "cache_hit",
    "service_tier": "::varchar", "tokens_input": "tokens_input", "tokens_cache_read": "tokens_cache_read",
    "tokens_cache_write": "::bigint", "tokens_cache_write_1h": "::bigint", "tokens_output": "tokens_output",
    "tokens_reasoning": "::bigint", "tokens_audio_input": "::bigint", "tokens_audio_output": "::bigint",
    "tokens_image_input": "::bigint", "web_search_requests": "::bigint",
    "tokens_total": "tokens_input + tokens_output", "latency_ms": "latency_ms", "time_to_first_token_ms": "::double",
    "temperature": "::double", "status": "case when success then 'success' when not success then 'error' end",
    "success": "success", "status_code": "status_code::integer", "error_code": "error_code", "error_type": """case
        when success then null
        when status_code = 429 then 'rate_limit'
        when status_code in (408, 504) then 'timeout'
        when status_code >= 500 then 'provider_outage'
        when status_code in (401, 403) then 'authentication'
        when error_code = 'context_overflow' then 'context_overflow'
        when status_code >= 400 then 'invalid_request'
        else 'other'
    end""", "error_message": "::varchar", "finish_reason": "finish_reason", "reported_cost_usd": "reported_cost_usd",
    "reported_cost_kind": "case when reported_cost_usd is not null then 'estimated' end",
    "saved_cost_usd": "::decimal(38, 12)",
}  # fmt: skip
EVENT_COLUMNS = (*_EVENT, "flags")
PRESENT_COLUMNS = tuple(name for name, value in _EVENT.items() if not value.startswith("::"))

_ROWS = ",\n".join(
    f"null{value} as {name}"
    if value.startswith("::")
    else f"case when reject_reason is null then {value} end as {name}"
    for name, value in _EVENT.items()
)

DECODE = f"""
copy (
    with checked as (
        select object_id, number, line, json_valid(line) as is_valid, starts_with(ltrim(line), '{{{{') as is_object,
            case when json_valid(line) then json_transform(line, '{_STRUCTURE.replace("{", "{{").replace("}", "}}")}')
            end as r,
            case when json_valid(line) then json_keys(line) end as keys
        from lines
        where strlen(line) > 0
    ),
    typed as (
        select object_id, number, line, is_valid, is_object, r, keys,
            {", ".join(f"nullif(trim(r.{name}), '') as {name}" for name in TEXTS)},
            {", ".join(f"try_cast(r.{name} as bigint) as {name}" for name in COUNTS)},
            {", ".join(f"try_cast(r.{name} as boolean) as {name}" for name in FLAGS)},
            try_cast(r.latency_ms as double) as latency_ms,
            try_cast(r.cost_usd as decimal(38, 12)) as reported_cost_usd,
            try_cast(r."timestamp" as timestamptz) as event_time
        from checked
    ),
    reasoned as (
        select *,
            case
                when not is_valid then 'malformed_json'
                when not is_object then 'not_an_object'
                -- Telling keys apart costs as much as parsing; the usual ones, in their order, need no look.
                when keys <> {_KEYS} and list_unique(keys) <> len(keys) then 'duplicate_key'
                when event_id is null or model is null then 'unknown_format'
                when r."timestamp" is null then 'missing_timestamp'
                when event_time is null or event_time < timestamptz '2015-01-01 00:00:00+00'
                    then 'implausible_timestamp'
                when not ({_COUNTS_OK} and {_FLAGS_OK}
                    and (r.latency_ms is null or latency_ms is not null)
                    and (r.cost_usd is null or reported_cost_usd is not null)) then 'bad_type'
                when least(tokens_input, tokens_output, tokens_cache_read) < 0 then 'negative_tokens'
                when tokens_cache_read > tokens_input then 'parts_exceed_total'
            end as reject_reason
        from typed
    )
    select
        '{SOURCE}' as source, objects.arrival_hour, objects.uri, objects.version, number as line,
        null::bigint as record_index, objects.arrived_at, case when is_object and is_valid then 'flat' end as format,
        case when reject_reason is null then 'accepted' else 'rejected' end as outcome, reject_reason,
        null::varchar as payload, case when reject_reason is not null then strlen(line) end as payload_bytes,
        case when reject_reason is not null then sha256(line) end as payload_sha256,
        {_ROWS.replace("{", "{{").replace("}", "}}")},
        []::varchar[] as flags
    from reasoned
    inner join objects using (object_id)
) to '{{out}}/raw_llm_events/{{batch}}.parquet' (format parquet)
"""

LEDGER = """
create table ingest_ledger as
with counted as (
    select
        uri, version, count(*) as records,
        count(*) filter (where outcome = 'accepted') as accepted,
        count(*) filter (where outcome = 'rejected') as rejected,
        count(*) filter (where outcome = 'not_a_call') as not_a_call,
        count(*) filter (where outcome = 'report') as report,
        sum(tokens_input)::bigint as tokens_input, sum(tokens_output)::bigint as tokens_output,
        sum(reported_cost_usd) as reported_cost_usd,
        min(event_time) as first_event_time, max(event_time) as last_event_time
    from raw
    group by all
),
reasons as (
    select uri, version, map_from_entries(list((reject_reason, number) order by reject_reason)) as rejects
    from (
        select uri, version, reject_reason, count(*) as number
        from raw
        where outcome = 'rejected'
        group by all
    )
    group by all
)
select
    $source as source, objects.arrival_hour, objects.uri, objects.version, objects.bytes,
    coalesce(records, 0) as records, coalesce(accepted, 0) as accepted, coalesce(rejected, 0) as rejected,
    coalesce(not_a_call, 0) as not_a_call, coalesce(report, 0) as report,
    coalesce(rejects, map([]::varchar[], []::bigint[])) as rejects, tokens_input, tokens_output, reported_cost_usd,
    first_event_time, last_event_time
from objects
left join counted using (uri, version)
left join reasons using (uri, version)
"""


@dataclass(frozen=True)
class Object:
    """One file of the load, and the folder's hour that it arrived in."""

    path: Path
    arrival_hour: datetime
    arrived_at: datetime
    version: str
    bytes: int

    @classmethod
    def of(cls, path: Path) -> "Object":
        """The object at `path`, which lies in `%Y-%m-%d/%H/`."""
        status = path.stat()
        hour = datetime.strptime("/".join(path.parts[-3:-1]), "%Y-%m-%d/%H").replace(tzinfo=UTC)
        version = f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
        return cls(path, hour, datetime.fromtimestamp(status.st_mtime, UTC), version, status.st_size)


def decode(connection: duckdb.DuckDBPyConnection, records: Path, out: Path, *, threads: int) -> None:
    """Write the raw table of all records below `records`; leaves the view `raw` and the table `objects`."""
    objects = [Object.of(path) for path in sorted(records.resolve().rglob("*.ndjson"))]
    connection.execute(
        "create table objects (object_id integer, uri varchar, version varchar, arrival_hour timestamptz, "
        "arrived_at timestamptz, bytes bigint)"
    )
    connection.executemany(
        "insert into objects values (?, ?, ?, ?, ?, ?)",
        [
            [number, one.path.as_uri(), one.version, one.arrival_hour, one.arrived_at, one.bytes]
            for number, one in enumerate(objects)
        ],
    )
    (out / "raw_llm_events").mkdir()
    numbered = list(enumerate(objects))
    batches = [numbered[first : first + OBJECTS_PER_BATCH] for first in range(0, len(numbered), OBJECTS_PER_BATCH)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda batch: _decode(connection, batch, out), batches))
    connection.execute(f"create view raw as select * from '{out}/raw_llm_events/*.parquet'")


def write_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Count the raw table by object."""
    connection.execute(LEDGER, {"source": SOURCE})


def _decode(connection: duckdb.DuckDBPyConnection, batch: list[tuple[int, Object]], out: Path) -> None:
    lines = pa.concat_tables([_lines(number, one.path) for number, one in batch])
    with connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.register("lines", lines)
        cursor.execute(DECODE.format(out=out, batch=batch[0][0]))


def _lines(number: int, path: Path) -> pa.Table:
    """The lines of an object and their numbers; its fields have no delimiter, so a line is one column."""
    lines = csv.read_csv(
        path,
        read_options=csv.ReadOptions(column_names=["line"], block_size=2**25),
        parse_options=csv.ParseOptions(delimiter="\x01", quote_char=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(column_types={"line": pa.string()}),
    )
    count = lines.num_rows
    ids, numbers = pa.repeat(pa.scalar(number, pa.int32()), count), pa.array(np.arange(1, count + 1))
    return lines.append_column("object_id", ids).append_column("number", numbers)
