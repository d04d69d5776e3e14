"""Whether the platform and the script made the same tables: columns, row counts and main sums, side by side."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

FOLDERS = ("raw_llm_events", "llm_requests")
SUMS = {
    "raw_llm_events": (
        *("sum(line)", "sum(payload_bytes)", "count(payload_sha256)", "count(distinct payload_sha256)"),
        *("count(distinct uri)", "count(reject_reason)", "sum(tokens_total)", "sum(reported_cost_usd)"),
    ),
    "ingest_ledger": ("sum(bytes)", "sum(records)", "sum(accepted)", "sum(rejected)", "sum(reported_cost_usd)"),
    "event_conflicts": ("sum(line)", "sum(predecessor_line)", "sum(len(differing_columns))"),
    "event_conservation": (
        *("sum(accepted_records)", "sum(events)", "sum(exact_duplicates)", "sum(conflicts)"),
        *("sum(tokens_dropped)", "sum(reported_cost_dropped_usd)"),
    ),
    "llm_requests": (
        *("sum(tokens_input)", "sum(tokens_output)", "sum(meter_input_uncached)", "sum(records)", "sum(len(flags))"),
        *("sum(cost_usd)", "sum(list_cost_usd)", "sum(saved_cost_usd)", "count(price_model)", "count(error_type)"),
    ),
    "llm_operations_metrics": (
        *("sum(total_requests)", "sum(logical_requests)", "sum(failed_logical_requests)", "sum(sum_latency_ms)"),
        *("sum(tokens_input)", "sum(total_cost_usd)", "sum(price_missing_requests)"),
    ),
    "latency_percentiles": ("sum(request_count)", "sum(p0_ms)", "sum(p100_ms)"),
    "error_rates": (
        *("sum(total_requests)", "sum(error_count)", "sum(timeout_errors)", "sum(rate_limit_errors)"),
        *("sum(logical_requests)", "sum(failed_logical_requests)"),
    ),
    "token_usage_per_user": ("sum(request_count)", "sum(total_tokens)", "sum(total_cost_usd)"),
    "cost_per_model": ("sum(request_count)", "sum(failed_requests)", "sum(total_cost_usd)", "sum(failed_cost_usd)"),
    "cost_per_user": ("sum(request_count)", "sum(failed_requests)", "sum(total_cost_usd)", "sum(failed_cost_usd)"),
    "model_quality_drift": ("sum(natural_stops)", "sum(truncated)", "sum(unknown_finishes)", "sum(completion_tokens)"),
    "latency_histogram": ("sum(request_count)", "sum(success_count)", "sum(bucket)"),
    "tenant_cost_daily": ("sum(requests)", "sum(tokens_input)", "sum(meter_output_text)", "sum(saved_cost_usd)"),
    "reused_ids": ("sum(occurrences)",),
}
# The platform also enters hours in which nothing arrived.
ROWS = {"ingest_ledger": "count(uri)"}
# Who wrote a row, when and in how long, what could not be read or was decoded twice, what only topics have, families of
# models, and sources that only reconcile.
ONLY_OF_THE_PLATFORM = {
    "raw_llm_events": {"topic", "partition", "record_offset", "record_key", "record_headers"},
    "ingest_ledger": {
        *("duration_ms", "ingested_at", "checked_at", "run_id"),
        *("failure", "deleted_since", "replayed_at", "rejects_before_replay"),
    },
    "llm_requests": {"model_family"},
    "llm_operations_metrics": {"model_family"},
    "cost_per_model": {"model_family"},
    "tenant_cost_daily": {"model_family"},
    "event_conservation": {"reconciliation_records"},
}


class TablesDiffer(Exception):
    """The script and the platform disagree: their times cannot be compared."""


@dataclass(frozen=True)
class Table:
    """Columns of a table with their types, and its sums."""

    columns: dict[str, str]
    sums: dict[str, Decimal | None]


Tables = dict[str, Table]


def script_tables(out: Path) -> Tables:
    """What the script's files hold."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for table in SUMS:
            files = f"{out}/{table}/**/*.parquet" if table in FOLDERS else f"{out}/{table}.parquet"
            connection.execute(f"create view {table} as from read_parquet('{files}', hive_partitioning = false)")
        rows = connection.execute(_query()).fetchall()
    return _tables(rows)


def platform_tables(env: Mapping[str, str]) -> Tables:
    """What the lake's tables hold, by the command that users have."""
    command = [str(Path(sys.executable).parent / "llmops"), "sql", _query(), "--format", "json"]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return _tables([tuple(row.values()) for row in json.loads(done.stdout)])


def check_equal(script: Tables, platform: Tables) -> None:
    """Compare columns and sums of every table.

    Raises:
        TablesDiffer: naming the tables, what differs in them and both values.
    """
    differences = [line for table in SUMS for line in _differences(table, script[table], platform[table])]
    if differences:
        raise TablesDiffer("\n".join(differences))


def _differences(table: str, script: Table, platform: Table) -> list[str]:
    expected = {
        name: kind for name, kind in platform.columns.items() if name not in ONLY_OF_THE_PLATFORM.get(table, ())
    }
    return [
        *(
            f"{table}.{name} is {kind} in the lake and {script.columns.get(name, 'missing')} in the script"
            for name, kind in expected.items()
            if script.columns.get(name) != kind
        ),
        *(
            f"{table}: {name} is {script.sums[name]} in the script and {value} in the lake"
            for name, value in platform.sums.items()
            if script.sums[name] != value
        ),
    ]


def _query() -> str:
    """One row for each column and each sum: table, what it is, its name, its type or value."""
    parts = []
    for table, sums in SUMS.items():
        parts.append(
            f"select '{table}' as t, 'column' as w, column_name as n, column_type as v from (describe {table})"
        )
        measures = (ROWS.get(table, "count(*)"), *sums)
        values = ", ".join(f"cast({measure} as varchar)" for measure in measures)
        names = ", ".join(f"'{measure}'" for measure in measures)
        parts.append(f"select '{table}', 'sum', unnest([{names}]), unnest([{values}]) from {table}")
    return " union all ".join(parts)


def _tables(rows: list[tuple[Any, ...]]) -> Tables:
    tables = {name: Table({}, {}) for name in SUMS}
    for table, what, name, value in rows:
        if what == "column":
            tables[table].columns[name] = value
        else:
            tables[table].sums[name] = None if value is None else Decimal(value)
    return tables
