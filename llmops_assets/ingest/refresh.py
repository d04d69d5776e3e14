"""Refreshing arrival hours of one source: decode what is new, commit it, enter it in the ledger.

A refresh replaces the hours' rows by those of unchanged object versions, read from the lake, and newly
decoded ones, in one commit that also names the event hours it touched. The ledger is written after the
rows and can always be made again from them.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llmops_assets import formats, progress
from llmops_assets.duck import connect
from llmops_assets.ingest.decoding import Decoder
from llmops_assets.ingest.ledger import write_ledger
from llmops_assets.ingest.plan import Plan, plan_refresh
from llmops_assets.lake import Lake, StaleWindow
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import ObjectRef, read_batches, store_of
from llmops_assets.tables import LEDGER_SPEC, RAW, RAW_SPEC
from llmops_assets.touched import summary
from llmops_assets.windows import Window, contiguous

ATTEMPTS = 8


@dataclass
class RefreshReport:
    """What a refresh did; counts are of newly decoded records."""

    window: Window
    objects: int = 0
    bytes: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    changed_hours: list[datetime] = field(default_factory=list)
    touched_hours: list[datetime] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Newly decoded records."""
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Run:
    """Who refreshes, since when, and a folder of its own to work in, removed afterwards."""

    run_id: str
    started_at: datetime
    scratch: Path


def refresh(lake: Lake, settings: Settings, source: SourceSettings, window: Window, run: Run) -> RefreshReport:
    """Make the lake hold exactly what `source` holds under the arrival hours of `window`.

    Safe beside other refreshes of the same hours: one of them wins whole, the others plan again.

    Raises:
        ConservationError: the decoder wrote another number of rows than the splitter read.
        SourceError: the source cannot be listed or read.
    """
    lake.ensure(RAW_SPEC)
    lake.ensure(LEDGER_SPEC)
    run.scratch.mkdir(parents=True, exist_ok=True)
    try:
        for _ in range(ATTEMPTS):
            plan = plan_refresh(lake, source, window, run.started_at)
            with connect(run.scratch / f"ingest-{source.name}.duckdb", settings.duckdb) as connection:
                try:
                    return _Refresh(lake, settings, source, run, plan, connection).apply()
                except StaleWindow:
                    continue
    finally:
        shutil.rmtree(run.scratch, ignore_errors=True)
    raise StaleWindow(f"{source.name} {window}: other runs changed these hours {ATTEMPTS} times; run it again")


class _Refresh:
    """One attempt on one plan."""

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        source: SourceSettings,
        run: Run,
        plan: Plan,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self.lake, self.settings, self.source, self.run, self.plan = lake, settings, source, run, plan
        self.connection = connection
        self.report = RefreshReport(plan.window, objects=len(plan.new), bytes=sum(ref.size for ref in plan.new))

    def apply(self) -> RefreshReport:
        """Commit the changed hours, then enter all hours that need it in the ledger."""
        formats.prepare(self.connection)
        durations: dict[str, float] = {}
        for window in contiguous(self.plan.changed_hours):
            durations |= self._replace(window)
        for window in contiguous(self.plan.hours):
            write_ledger(self.lake, self.connection, self.source.name, window, self.plan.listed, self.run, durations)
        return self.report

    def _replace(self, window: Window) -> dict[str, float]:
        """Decode the new objects of `window` and commit the window; milliseconds spent by object."""
        new = [ref for ref in self.plan.new if ref.arrival_hour in window]
        files, durations = self._decode(new)
        self._count(files)
        touched = self._touched(window, files)
        kept = self._keep(window)
        self.lake.commit_files(
            RAW,
            window,
            files + kept,
            where={"source": self.source.name},
            properties=summary(self.source.name, touched),
            based_on=self.plan.base,
        )
        self.report.changed_hours += [hour.start for hour in window.hours()]
        self.report.touched_hours += touched
        return durations

    def _decode(self, refs: list[ObjectRef]) -> tuple[list[str], dict[str, float]]:
        """Write the records of `refs` as files of the raw table, in place but not yet committed."""
        if not refs:
            return [], {}
        ingest = self.settings.ingest
        total = sum(ref.size for ref in refs)
        decoder = Decoder(
            self.connection,
            self._objects(refs),
            self.lake.writer(RAW),
            workers=self.settings.duckdb.threads,
            keep_bytes=ingest.quarantine_keep_bytes,
        )
        store = store_of(self.source)
        batches = read_batches(refs, store, batch_bytes=ingest.batch_bytes, max_line_bytes=ingest.max_line_bytes)
        decoded = decoder.decode(
            batches, lambda so_far: progress.report(f"reading {self.source.name}", so_far.bytes, total)
        )
        return decoded.files, {refs[number].uri: spent for number, spent in decoded.durations_ms.items()}

    def _objects(self, refs: list[ObjectRef]) -> pa.Table:
        rows = [
            {
                "object_id": number,
                "source": self.source.name,
                "uri": ref.uri,
                "version": ref.version,
                "arrival_hour": ref.arrival_hour,
                "arrived_at": ref.last_modified,
                "bytes": ref.size,
                "configured_format": None if self.source.format == "auto" else self.source.format,
                "request_id_is_unique": self.source.request_id_is_unique,
                "source_tenant": self.source.tenant,
            }
            for number, ref in enumerate(refs)
        ]
        return pa.Table.from_pylist(rows, schema=OBJECTS_SCHEMA)

    def _count(self, files: Iterable[str]) -> None:
        """Add the outcomes of the newly written files to the report."""
        rows = self._over(files, "select outcome, reject_reason, count(*) from {files} group by all")
        for outcome, reason, count in rows:
            self.report.outcomes[outcome] = self.report.outcomes.get(outcome, 0) + count
            if reason is not None:
                self.report.rejects[reason] = self.report.rejects.get(reason, 0) + count

    def _touched(self, window: Window, files: Iterable[str]) -> list[datetime]:
        """Event hours of accepted rows added and removed, widened by the margin of deduplication."""
        margin_us = self.settings.warehouse.dedupe_margin // timedelta(microseconds=1)
        # Whole hours since 1970: a third of the time that date_trunc and intervals take.
        hours = (
            f"select distinct (epoch_us(event_time) - {margin_us}) // 3600000000, "
            f"(epoch_us(event_time) + {margin_us}) // 3600000000 from {{files}} where outcome = 'accepted'"
        )
        added = self._over(files, hours)
        self._mount(window)
        removed = self.connection.execute(
            hours.format(files=f"lake.{RAW}") + " and source = ? and list_contains(?, uri)",
            [self.source.name, list(self.plan.replaced)],
        ).fetchall()
        touched = {hour for first, last in {*added, *removed} for hour in range(first, last + 1)}
        return [datetime.fromtimestamp(hour * 3600, UTC) for hour in sorted(touched)]

    def _keep(self, window: Window) -> list[str]:
        """Write the rows of unchanged object versions again, so that the window can be replaced whole."""
        self._mount(window)
        unchanged = (
            f"(select * from lake.{RAW} where source = '{self.source.name}' "
            f"and not list_contains({_literal(self.plan.replaced)}, uri))"
        )
        return self.lake.write(RAW, self.connection, unchanged).files

    def _mount(self, window: Window) -> None:
        snapshots = {} if self.plan.base is None else {RAW: self.plan.base}
        self.lake.mount(self.connection, {RAW: window}, snapshots=snapshots)

    def _over(self, files: Iterable[str], query: str) -> list[tuple[Any, ...]]:
        listed = list(files)
        if not listed:
            return []
        return self.connection.execute(query.format(files=f"read_parquet({_literal(listed)})")).fetchall()


OBJECTS_SCHEMA = pa.schema(
    [
        ("object_id", pa.int32()),
        ("source", pa.string()),
        ("uri", pa.string()),
        ("version", pa.string()),
        ("arrival_hour", pa.timestamp("us", "UTC")),
        ("arrived_at", pa.timestamp("us", "UTC")),
        ("bytes", pa.int64()),
        ("configured_format", pa.string()),
        ("request_id_is_unique", pa.bool_()),
        ("source_tenant", pa.string()),
    ]
)


def _literal(texts: Iterable[str]) -> str:
    """A DuckDB list literal; keys may hold quotes."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]::varchar[]"
