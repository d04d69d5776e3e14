"""Write, audit, publish: one run of the dbt project for one window, and its result in the lake.

Models are functions of the window; nothing leaves the scratch database before every blocking test has
passed. Memory is bounded by DuckDB's limit; time grows linearly with the events of the window.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from llmops_assets import progress
from llmops_assets.expectations import Finding, examine_metrics, warm_up
from llmops_assets.lake import Commit, Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import REQUESTS
from llmops_assets.warehouse import publish
from llmops_assets.warehouse.audits import audits
from llmops_assets.warehouse.dbt import NodeResult, build
from llmops_assets.warehouse.preview import Look, look_at
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.publish import Publication, lake_spec
from llmops_assets.warehouse.scratch import Scratch, mount_days, mount_hours, mount_reports, price_versions, scratch
from llmops_assets.windows import Window

PRICED = "int_llm_requests_priced"
EXAMPLES = 3
PUBLISHED_AT_ONCE = 2
# Columns by which the rows of a failed test say to which window they belong.
WINDOW_OF_ROWS = {
    "hour": "{}",
    "window_start": "date_trunc('hour', {})",
    "event_time": "date_trunc('hour', {})",
    "billing_date": "timezone('UTC', {}::timestamp)",
}


@dataclass(frozen=True)
class RunInfo:
    """Which run this is and when it started."""

    run_id: str
    started_at: datetime


@dataclass
class BuildReport:
    """What a run built: results of models, tests and expectations, and by table what was committed and how it looks.

    `at_fault` has, by test that failed, the starts of the windows whose rows failed it.
    """

    window: Window
    results: list[NodeResult]
    commits: dict[str, Commit] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    at_fault: dict[str, set[datetime]] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)

    @property
    def blocking(self) -> list[NodeResult]:
        """Results that forbid publishing."""
        return [result for result in self.results if result.failed]


class AuditFailed(Exception):
    """A blocking test failed or a model broke: nothing of the window was published."""

    def __init__(self, report: BuildReport) -> None:
        self.report = report
        lines = [_sentence(result, report.examples) for result in report.blocking if result.status != "skipped"]
        lines += [finding.sentence() for finding in report.findings if finding.failed]
        super().__init__(
            f"{report.window}: nothing was published, because\n"
            + "\n".join(lines)
            + "\nThe tables keep their last published rows. Mend the cause and run the window again."
        )


def build_hours(lake: Lake, settings: Settings, project: DbtProject, window: Window, run: RunInfo) -> BuildReport:
    """Build and publish the event-time tables for the hours of `window`.

    Raises:
        AuditFailed: a blocking test or expectation failed; nothing was published.
        ExpectationsError: expectations could not be judged; nothing was published.
        Superseded: another run is publishing the same hours or has published newer ones.
    """
    if settings.quality.enabled:
        warm_up()
    _ensure_tables(lake, project, "hourly")
    with scratch(settings, run.run_id) as place:
        sequence = mount_hours(lake, place, window)
        staging = lake.data_folder(REQUESTS, run.run_id)
        report = _audited(project, place, window, select="tag:hourly", staging=staging)
        _expected(lake, place, report)
        publication = Publication(
            "hour",
            tuple(window.hours()),
            run.run_id,
            run.started_at,
            sequence,
            price_versions(lake, window),
        )
        _publish(lake, place, project, "hourly", publication, report, staging=staging)
        return report


def build_days(lake: Lake, settings: Settings, project: DbtProject, window: Window, run: RunInfo) -> BuildReport:
    """Build and publish the daily tables for the billing dates of `window` (their midnights in UTC).

    Raises as `build_hours`.
    """
    _ensure_tables(lake, project, "daily")
    with scratch(settings, run.run_id) as place:
        sequence = mount_days(lake, place, window)
        report = _audited(project, place, window, select="tag:daily", staging="")
        publication = Publication("day", tuple(window.days()), run.run_id, run.started_at, sequence, {})
        _publish(lake, place, project, "daily", publication, report, requests_sequence=sequence)
        return report


def build_reports(lake: Lake, settings: Settings, project: DbtProject, window: Window, run: RunInfo) -> BuildReport:
    """Build and publish the tables of the daily reports for the UTC days of `window`.

    Raises as `build_hours`.
    """
    _ensure_tables(lake, project, "hourly")
    _ensure_tables(lake, project, "report")
    with scratch(settings, run.run_id) as place:
        sequence = mount_reports(lake, place, window)
        report = _audited(project, place, window, select="tag:report", staging="")
        publication = Publication("report", tuple(window.days()), run.run_id, run.started_at, sequence, {})
        _publish(lake, place, project, "report", publication, report, requests_sequence=sequence)
        return report


def combined(reports: Sequence[BuildReport]) -> BuildReport:
    """One report of consecutive windows: the worse status, and sums, of every model, test and commit."""
    results: dict[str, NodeResult] = {}
    commits: dict[str, Commit] = {}
    for report in reports:
        for result in report.results:
            results[result.unique_id] = result.combined(results.get(result.unique_id))
        for table, commit in report.commits.items():
            commits[table] = commit.combined(commits.get(table))
    examples = {name: rows for report in reports for name, rows in report.examples.items()}
    findings: dict[str, Finding] = {}
    at_fault: dict[str, set[datetime]] = {}
    for report in reports:
        for finding in report.findings:
            findings[finding.name] = finding.combined(findings.get(finding.name))
        for test, windows in report.at_fault.items():
            at_fault.setdefault(test, set()).update(windows)
    window = Window(reports[0].window.start, reports[-1].window.end)
    looks = reports[-1].looks
    return BuildReport(window, list(results.values()), commits, examples, list(findings.values()), at_fault, looks)


def _audited(project: DbtProject, place: Scratch, window: Window, *, select: str, staging: str) -> BuildReport:
    """Run models and tests; raise `AuditFailed` with example rows unless all blocking ones passed."""
    progress.report(f"building {window}", 0, 0)
    limits = place.settings.duckdb
    results = build(project, window, select=select, scratch=place.folder, staging=staging, limits=limits)
    report = BuildReport(window, results)
    failed = [result for result in results if result.is_test and result.status in ("fail", "warn")]
    if failed:
        with place.open() as connection:
            report.examples = {result.unique_id: _examples(connection, result) for result in failed}
            windows = window.days() if select == "tag:daily" else window.hours()
            report.at_fault = {result.name: _at_fault(connection, result, windows) for result in failed}
    if report.blocking:
        raise AuditFailed(report)
    return report


def _expected(lake: Lake, place: Scratch, report: BuildReport) -> None:
    """Judge the metrics' expectations; raise `AuditFailed` if a blocking one failed."""
    quality = place.settings.quality
    if not quality.enabled:
        return
    progress.report(f"judging {report.window}", 0, 0)
    with place.open() as connection:
        report.findings = examine_metrics(lake, connection, quality, report.window, place.folder)
    if any(finding.failed for finding in report.findings):
        raise AuditFailed(report)


def _publish(
    lake: Lake,
    place: Scratch,
    project: DbtProject,
    tag: str,
    publication: Publication,
    report: BuildReport,
    *,
    staging: str | None = None,
    requests_sequence: int | None = None,
) -> None:
    nodes = published_models(project.manifest, tag)
    with place.open() as connection:
        marked = publish.begin(lake, connection, publication)

        def put(node: Mapping[str, Any]) -> Commit:
            publish.still_ours(lake, publication, marked)
            with connection.cursor() as own:
                report.looks[node["name"]] = look_at(own, node, publication.span)
                return _replace(lake, own, node, publication.span, staging)

        # A commit waits for the catalog while another table's files are written.
        with ThreadPoolExecutor(PUBLISHED_AT_ONCE) as pool:
            for number, (node, commit) in enumerate(zip(nodes, pool.map(put, nodes), strict=True)):
                progress.report(f"publishing {publication.span}", number, len(nodes))
                report.commits[node["name"]] = commit
        sequence = report.commits[REQUESTS].sequence_number if requests_sequence is None else requests_sequence
        found = audits(connection, project.manifest, tag, nodes, publication.windows, report, place.settings.warehouse)
        publish.finish(lake, connection, publication, report.commits, sequence, marked, found)


def _replace(
    lake: Lake, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], span: Window, staging: str | None
) -> Commit:
    if node["name"] == REQUESTS and staging is not None:
        return lake.commit_files(REQUESTS, span, lake.files_in(staging))
    return lake.replace(node["name"], span, connection, f"main.{node['name']}")


def _ensure_tables(lake: Lake, project: DbtProject, tag: str) -> None:
    for node in published_models(project.manifest, tag):
        lake.ensure(lake_spec(node))


def published_models(manifest: Mapping[str, Any], tag: str) -> list[dict[str, Any]]:
    """The models of a tag that become lake tables, in the order of their names."""
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    tagged = (node for node in models if tag in node["tags"] and "lake" in node["config"].get("meta", {}))
    return sorted(tagged, key=lambda node: str(node["name"]))


def _at_fault(connection: duckdb.DuckDBPyConnection, result: NodeResult, windows: Sequence[Window]) -> set[datetime]:
    """Starts of the windows that hold rows of a failed test; of all of them if its rows do not say."""
    columns = connection.sql(result.compiled).columns
    starts = {window.start for window in windows}
    found: set[datetime] = set()
    for name, expression in WINDOW_OF_ROWS.items():
        if name in columns and not found:
            query = f"select distinct {expression.format(name)} from ({result.compiled}) where {name} is not null"
            found = {at.astimezone(UTC) for (at,) in connection.execute(query).fetchall()} & starts
    return found or starts


def _examples(connection: duckdb.DuckDBPyConnection, result: NodeResult) -> str:
    """The first rows that a failed test returns, as `column=value` lines."""
    rows = connection.sql(result.compiled).limit(EXAMPLES)
    return "\n".join(
        "    " + ", ".join(f"{name}={value}" for name, value in zip(rows.columns, row, strict=True))
        for row in rows.fetchall()
    )


def _sentence(result: NodeResult, examples: Mapping[str, str]) -> str:
    if not result.is_test:
        return f"- model {result.name} broke: {result.message}"
    rows = examples.get(result.unique_id)
    shown = f", such as\n{rows}" if rows else f" ({result.message})"
    return f"- {result.name}: {result.failures} rows{shown}"
