"""What a publish records of its audit: rows of every table in every window, its checks by result, and how late
the records of its calls came.

Belongs here: which table a data test is about, and counting. What is done with the counts is `quality`. They are
taken when a window is published, so that nobody has to read the whole request log again to know them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from llmops_assets.settings import WarehouseSettings
from llmops_assets.tables import REQUESTS
from llmops_assets.windows import DAY, Window

if TYPE_CHECKING:
    from llmops_assets.warehouse.build import BuildReport

Manifest = Mapping[str, Any]


@dataclass
class Audit:
    """Of one window: rows and checks passed, failed and warned by table; its calls, those that came late, and the
    longest time from a call to its record's arrival in seconds."""

    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    requests: int = 0
    late_requests: int = 0
    max_lateness_s: float | None = None


def tests_of(manifest: Manifest, tag: str, tables: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Data tests over models of `tag`, each with the published table that it is about.

    That is the first of its models that is published; the request log, where none is, for the views that it
    is made of.
    """
    fallback = REQUESTS if REQUESTS in tables else min(tables)
    for test in manifest["nodes"].values():
        if test["resource_type"] != "test":
            continue
        nodes = (manifest["nodes"].get(parent) for parent in test["depends_on"]["nodes"])
        models = [node for node in nodes if node is not None and node["resource_type"] == "model"]
        if any(tag in model["tags"] for model in models):
            yield test, next((model["name"] for model in models if model["name"] in tables), fallback)


def audits(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    tag: str,
    nodes: Sequence[Mapping[str, Any]],
    windows: Sequence[Window],
    report: "BuildReport",
    settings: WarehouseSettings,
) -> dict[datetime, Audit]:
    """What is known of every window, by its start."""
    tables = [node["name"] for node in nodes]
    nothing = {"rows": 0, "passed": 0, "failed": 0, "warned": 0}
    found = {window.start: Audit({table: dict(nothing) for table in tables}) for window in windows}
    for table, start, rows in connection.execute(_rows(nodes, tag)).fetchall():
        found[start.astimezone(UTC)].tables[table]["rows"] = rows
    for table, is_warning, at_fault in _checks(manifest, tag, tables, report):
        for start, audit in found.items():
            result = "passed" if start not in at_fault else "warned" if is_warning else "failed"
            audit.tables[table][result] += 1
    # A civil date begins and ends within a day of the UTC date of its name.
    read = (60 * settings.max_delay_minutes, windows[0].start - DAY, windows[-1].end + DAY)
    for start, *calls in connection.execute(_calls(tag, settings), read).fetchall():
        if of_window := found.get(start.astimezone(UTC)):
            of_window.requests, of_window.late_requests, of_window.max_lateness_s = calls
    return found


def _calls(tag: str, settings: WarehouseSettings) -> str:
    """Calls, late ones and the longest lateness, by start of the window."""
    start = {
        "hourly": "date_trunc('hour', quarter)",
        "daily": f"timezone('UTC', timezone('{settings.billing_time_zone}', quarter)::date::timestamp)",
        "report": "date_trunc('day', quarter)",
    }[tag]
    # Quarter-hours divide every civil time zone, and are few.
    return f"""
        with quarters as (
            select
                epoch_us(event_time) // 900000000 as quarter_number,
                count(*) as requests,
                count(*) filter (
                    where epoch(arrived_at) >= 3600 * (epoch_us(event_time) // 3600000000 + 1) + ?
                ) as late_requests,
                max(epoch(arrived_at) - epoch(event_time)) as max_lateness_s
            from {"main" if tag == "hourly" else "lake"}.{REQUESTS}
            where event_time >= ? and event_time < ?
            group by all
        ),
        placed as (select make_timestamptz(quarter_number * 900000000) as quarter, * from quarters)
        select {start}, sum(requests), sum(late_requests), max(max_lateness_s) from placed group by all
    """


def _checks(
    manifest: Manifest, tag: str, tables: Sequence[str], report: "BuildReport"
) -> Iterator[tuple[str, bool, set[datetime]]]:
    """Every check that ran: its table, whether it only warns, and the starts of the windows at fault."""
    owners = {test["name"]: table for test, table in tests_of(manifest, tag, tables)}
    for result in report.results:
        if result.is_test and result.name in owners:
            yield owners[result.name], result.severity == "warn", report.at_fault.get(result.name, set())
    for finding in report.findings:
        yield finding.expectation.table, not finding.expectation.blocking, set(finding.hours)


def _rows(nodes: Sequence[Mapping[str, Any]], tag: str) -> str:
    """Rows of every table by start of the window."""
    counts = []
    for node in nodes:
        column = node["config"]["meta"]["lake"]["window_column"]
        start = f"timezone('UTC', {column}::timestamp)" if tag == "daily" else f"date_trunc('hour', {column})"
        counts.append(f"select '{node['name']}', {start}, count(*) from main.{node['name']} group by all")
    return " union all ".join(counts)
