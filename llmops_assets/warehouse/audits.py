"""What a publish records of its audit: rows of every table in every window, and its checks by result.

Belongs here: which table a data test is about, and counting. What is done with the counts is `quality`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from llmops_assets.tables import REQUESTS
from llmops_assets.windows import Window

if TYPE_CHECKING:
    from llmops_assets.warehouse.build import BuildReport

Manifest = Mapping[str, Any]


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
) -> dict[datetime, dict[str, dict[str, int]]]:
    """Rows, and checks passed, failed and warned, by start of the window and table."""
    tables = [node["name"] for node in nodes]
    nothing = {"rows": 0, "passed": 0, "failed": 0, "warned": 0}
    found = {window.start: {table: dict(nothing) for table in tables} for window in windows}
    for table, start, rows in connection.execute(_rows(nodes, tag)).fetchall():
        found[start.astimezone(UTC)][table]["rows"] = rows
    for table, is_warning, at_fault in _checks(manifest, tag, tables, report):
        for start, counts in found.items():
            result = "passed" if start not in at_fault else "warned" if is_warning else "failed"
            counts[table][result] += 1
    return found


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
