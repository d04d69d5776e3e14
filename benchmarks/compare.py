"""Whether the platform and the script made the same tables: their main sums, side by side."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

Totals = dict[str, dict[str, str]]

REQUESTS = "llm_requests"
SUMS = {
    REQUESTS: ("count(*)", "sum(tokens_input)", "sum(tokens_output)", "sum(cost_usd)", "sum(list_cost_usd)"),
    "llm_operations_metrics": ("sum(total_requests)", "sum(tokens_input)", "sum(total_cost_usd)"),
    "latency_percentiles": ("count(*)", "sum(request_count)"),
    "error_rates": ("count(*)", "sum(total_requests)", "sum(error_count)", "sum(timeout_errors)"),
    "token_usage_per_user": ("count(*)", "sum(total_tokens)", "sum(total_cost_usd)"),
    "cost_per_model": ("count(*)", "sum(request_count)", "sum(total_cost_usd)"),
    "cost_per_user": ("count(*)", "sum(request_count)", "sum(total_cost_usd)"),
    "model_quality_drift": ("count(*)", "sum(natural_stops)", "sum(truncated)"),
    "latency_histogram": ("count(*)", "sum(request_count)"),
}
DAILY_SUMS = ("sum(requests)", "sum(tokens_input)")


class TablesDiffer(Exception):
    """The script and the platform disagree: their times cannot be compared."""


def script_totals(out: Path) -> Totals:
    """Sums over the script's files."""
    with duckdb.connect() as connection:
        totals = {}
        for table, sums in _queries().items():
            files = out / table / "*" / "*.parquet" if table == REQUESTS else out / f"{table}.parquet"
            row = connection.execute(_select(sums, f"'{files}'")).fetchone()
            totals[table] = dict(zip(sums, row or (), strict=True))
    return totals


def platform_totals(env: Mapping[str, str]) -> Totals:
    """Sums over the lake's tables, by the command that users have."""
    totals = {}
    for table, sums in _queries().items():
        command = [str(Path(sys.executable).parent / "llmops"), "sql", _select(sums, table), "--format", "json"]
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
        answer = json.loads(done.stdout)
        row = answer[0] if isinstance(answer, list) else answer
        totals[table] = {name: str(value) for name, value in zip(sums, row.values(), strict=True)}
    return totals


def check_equal(script: Totals, platform: Totals) -> None:
    """Compare every sum.

    Raises:
        TablesDiffer: naming the tables, the sums and both values.
    """
    differences = [
        f"{table}: {name} is {script[table][name]} in the script and {platform[table][name]} in the lake"
        for table, sums in _queries().items()
        for name in sums
        if float(script[table][name]) != float(platform[table][name])
    ]
    if differences:
        raise TablesDiffer("\n".join(differences))


def _queries() -> dict[str, tuple[str, ...]]:
    return {**SUMS, "tenant_cost_daily": DAILY_SUMS}


def _select(sums: tuple[str, ...], relation: str) -> str:
    columns = ", ".join(f"cast({name} as varchar) as sum_{number}" for number, name in enumerate(sums))
    return f"select {columns} from {relation}"
