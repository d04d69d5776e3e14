"""Publishing a window: each table's window replaced, and `published_windows` as the last commit.

Iceberg commits are per table, so a publish first marks its windows as being published; whatever happens
after that, a window is either published whole or due again. Two runs of one window: the one whose mark
stands at the end wins, the other stops.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from llmops_assets.lake import Column, Commit, Lake, TableSpec, rows_of_spec
from llmops_assets.tables import PUBLISHED, PUBLISHED_SPEC
from llmops_assets.warehouse.audits import Audit
from llmops_assets.warehouse.due import PUBLISHED_STATE, published
from llmops_assets.windows import Window


class Superseded(Exception):
    """Another run is publishing, or has published newer data for, the same windows."""


@dataclass(frozen=True)
class Publication:
    """Who publishes which windows of which scope, built from what."""

    scope: str
    windows: tuple[Window, ...]
    run_id: str
    at: datetime
    raw_sequence_number: int
    price_versions: Mapping[datetime, str]

    @property
    def span(self) -> Window:
        """From the first window's start to the last one's end."""
        return Window(self.windows[0].start, self.windows[-1].end)


def lake_spec(node: Mapping[str, Any], table: str | None = None) -> TableSpec:
    """The lake table of a dbt model: columns and types are the model's contract."""
    meta = node["config"]["meta"]["lake"]
    columns = tuple(
        Column(column["name"], column["data_type"], " ".join(column["description"].split()))
        for column in node["columns"].values()
    )
    return TableSpec(table or node["name"], columns, meta["window_column"], tuple(meta["partition"]))


def begin(lake: Lake, connection: duckdb.DuckDBPyConnection, publication: Publication) -> int | None:
    """Mark the windows as being published by this run; the snapshot of `published_windows` that says so.

    Raises:
        Superseded: newer data is published.
    """
    lake.ensure(PUBLISHED_SPEC)
    for row in published(lake, publication.scope, publication.span).values():
        if row.state == PUBLISHED_STATE and row.raw_sequence_number > publication.raw_sequence_number:
            raise Superseded(
                f"{row.window} was published by run {row.run_id} from raw commit {row.raw_sequence_number}, "
                f"newer than {publication.raw_sequence_number}: nothing to do"
            )
    return _write(lake, connection, publication, state="publishing", snapshots={}, requests_sequence_number=-1)


def still_ours(lake: Lake, publication: Publication, marked: int | None) -> None:
    """Raise `Superseded` if another run has marked any of the windows since `begin` committed `marked`."""
    if lake.current_snapshot(PUBLISHED) == marked:
        return
    rows = published(lake, publication.scope, publication.span)
    for window in publication.windows:
        row = rows.get(window.start)
        if row is None or row.run_id != publication.run_id:
            other = row.run_id if row else "another run"
            raise Superseded(f"{window}: {other} publishes this window too; it goes on, this run stops")


def finish(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    commits: Mapping[str, Commit],
    requests_sequence_number: int,
    marked: int | None,
    audits: Mapping[datetime, Audit],
) -> None:
    """Make the windows current: the last commit of a run."""
    still_ours(lake, publication, marked)
    snapshots = {table: commit.snapshot_id for table, commit in sorted(commits.items())}
    _write(
        lake,
        connection,
        publication,
        state=PUBLISHED_STATE,
        snapshots=snapshots,
        requests_sequence_number=requests_sequence_number,
        audits=audits,
    )


def record(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    snapshots: str,
    requests_sequence_number: int,
) -> None:
    """Say that something outside the lake was made of tables whose `snapshots` (as published) are these."""
    _write(
        lake,
        connection,
        publication,
        state=PUBLISHED_STATE,
        snapshots=json.loads(snapshots),
        requests_sequence_number=requests_sequence_number,
    )


def _write(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    publication: Publication,
    *,
    state: str,
    snapshots: Mapping[str, int | None],
    requests_sequence_number: int,
    audits: Mapping[datetime, Audit] | None = None,
) -> int | None:
    before = published(lake, publication.scope, publication.span)
    unknown: dict[str, Any] = {"audit": None, "requests": None, "late_requests": None, "max_lateness_s": None}
    rows = [
        {
            "scope": publication.scope,
            "window_start": window.start,
            "window_end": window.end,
            "state": state,
            "run_id": publication.run_id,
            "snapshots": json.dumps(snapshots),
            "price_version": publication.price_versions.get(window.start),
            "raw_sequence_number": publication.raw_sequence_number,
            "requests_sequence_number": requests_sequence_number,
            "first_published_at": before[window.start].first_published_at if window.start in before else publication.at,
            "published_at": publication.at,
            **(unknown if audits is None else _audited(audits[window.start])),
        }
        for window in publication.windows
    ]
    connection.register("publication", rows_of_spec(PUBLISHED_SPEC, rows))
    commit = lake.replace(PUBLISHED, publication.span, connection, "publication", where={"scope": publication.scope})
    connection.unregister("publication")
    return commit.snapshot_id


def _audited(audit: Audit) -> dict[str, Any]:
    return {
        "audit": json.dumps(audit.tables),
        "requests": audit.requests,
        "late_requests": audit.late_requests,
        "max_lateness_s": audit.max_lateness_s,
    }
