"""Refreshing arrival hours of one source: decode what is new, commit it, enter it in the ledger.

A refresh replaces the hours' rows by those of unchanged object versions, read from the lake, and newly
decoded ones, in one commit that also names the event hours it touched. The ledger is written after the
rows and can always be made again from them.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llmops_assets import formats, progress
from llmops_assets.duck import connect
from llmops_assets.ingest.decoding import Decoded, Decoder
from llmops_assets.ingest.intake import Intake, literal, take_in
from llmops_assets.ingest.kafka_objects import KafkaReport, RangesRead, after_commit, with_sizes
from llmops_assets.ingest.ledger import Look, write_ledger
from llmops_assets.ingest.plan import Again, Plan, plan_refresh
from llmops_assets.ingest.usage_reports import write_usage_reports
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake, StaleWindow
from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.source_settings import AnySource
from llmops_assets.sources import Batch, Failed, ObjectError, ObjectRef, read_batches, store_of
from llmops_assets.sources.kafka import RangeRef
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
    failures: dict[str, str] = field(default_factory=dict)
    """Objects that could not be read, and why; their hours are due again."""
    failed_hours: list[datetime] = field(default_factory=list)
    kafka: KafkaReport | None = None

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


def refresh(
    lake: Lake, settings: Settings, source: AnySource, window: Window, run: Run, again: Again | None = None
) -> RefreshReport:
    """Make the lake hold exactly what `source` holds under the arrival hours of `window`.

    Only what is new is read and decoded, and what `again` names.

    Safe beside other refreshes of the same hours: one of them wins whole, the others plan again.

    An object that cannot be read is entered in the ledger and the report with its reason; its hour stays due.

    Raises:
        ConservationError: the decoder wrote another number of rows than the splitter read.
        SourceError: the source cannot be listed.
    """
    lake.ensure(RAW_SPEC)
    lake.ensure(LEDGER_SPEC)
    run.scratch.mkdir(parents=True, exist_ok=True)
    try:
        for _ in range(ATTEMPTS):
            plan = plan_refresh(lake, settings, source, window, run.started_at, run.run_id, again)
            with connect(run.scratch / f"ingest-{source.name}.duckdb", settings.duckdb) as connection:
                try:
                    return _Refresh(lake, settings, source, run, plan, connection).apply(again or Again())
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
        source: AnySource,
        run: Run,
        plan: Plan,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self.lake, self.settings, self.source, self.run, self.plan = lake, settings, source, run, plan
        self.connection = connection
        self.report = RefreshReport(plan.window, objects=len(plan.new), bytes=sum(ref.size for ref in plan.new))
        self.ranges: list[RangesRead] = []

    def apply(self, again: Again) -> RefreshReport:
        """Commit the changed hours, then enter all hours that need it in the ledger."""
        formats.prepare(self.connection)
        durations: dict[str, float] = {}
        listed = {ref.uri: ref for ref in self.plan.listed}
        failures: dict[str, ObjectError] = {}
        for window in contiguous(self.plan.changed_hours):
            intake = self._replace(window)
            durations |= intake.durations
            failures |= intake.failures
            listed |= {ref.uri: ref for ref in intake.taken}
        self.report.failures = {uri: error.reason for uri, error in sorted(failures.items())}
        self.report.failed_hours = sorted({listed[uri].arrival_hour for uri in failures})
        sizes = {uri: size for one in self.ranges for uri, size in one.sizes().items()}
        self.report.bytes += sum(sizes.values())
        look = Look(with_sizes(listed.values(), sizes), self.plan.gone, self.report.failures, durations, again.replayed)
        for window in contiguous(self.plan.hours):
            write_usage_reports(self.lake, self.connection, self.source.name, window)
            write_ledger(self.lake, self.connection, self.source.name, window, look, self.run)
        if isinstance(self.source, KafkaSettings):
            self.report.kafka = after_commit(self.lake, self.source, self.plan.window, self.ranges)
        return self.report

    def _replace(self, window: Window) -> Intake:
        """Decode the new objects of `window` and commit what could be read of them."""
        new, before = [ref for ref in self.plan.new if ref.arrival_hour in window], len(self.ranges)
        intake = self._taken_in(new)
        if not intake.taken:
            return intake
        replaced = sorted({ref.uri for ref in intake.taken} & set(self.plan.replaced))
        self._count(intake.files)
        touched = self._touched(window, intake.files, replaced)
        kept = self._keep(window, replaced)
        for one in self.ranges[before:]:
            one.verify(self.lake)
        self.lake.commit_files(
            RAW,
            window,
            intake.files + kept,
            where={"source": self.source.name},
            properties=summary(self.source.name, touched),
            based_on=self.plan.base,
        )
        for one in self.ranges[before:]:
            one.complete(self.lake, self.run.run_id)
        self.report.changed_hours += [hour.start for hour in window.hours()]
        self.report.touched_hours += touched
        return intake

    def _taken_in(self, refs: list[ObjectRef]) -> Intake:
        """Decode `refs`: an object that cannot be read is left out; a range of offsets that cannot is an error."""
        ingest = self.settings.ingest
        if isinstance(self.source, KafkaSettings):
            ranges = RangesRead(self.source, refs)
            self.ranges.append(ranges)
            decoded = self._decode(refs, ranges.batches(ingest))
            return Intake(decoded.files, refs, {refs[at].uri: spent for at, spent in decoded.durations_ms.items()})
        store = store_of(self.source)

        def decode(refs: list[ObjectRef], failed: Failed) -> Decoded:
            sizes = {"batch_bytes": ingest.batch_bytes, "max_line_bytes": ingest.max_line_bytes}
            sizes["max_ratio"] = ingest.max_compression_ratio
            return self._decode(refs, read_batches(refs, store, **sizes, failed=failed))

        return take_in(refs, store, decode, self.lake, self.connection)

    def _decode(self, refs: list[ObjectRef], batches: Iterator[Batch]) -> Decoded:
        """Write the records of `refs` as files of the raw table, in place but not yet committed."""
        total = sum(ref.size for ref in refs)
        decoder = Decoder(
            self.connection,
            objects_table(self.source, refs),
            self.lake.writer(RAW),
            workers=self.settings.duckdb.threads,
            keep_bytes=self.settings.ingest.quarantine_keep_bytes,
        )
        return decoder.decode(
            batches, lambda so_far: progress.report(f"reading {self.source.name}", so_far.bytes, total)
        )

    def _count(self, files: Iterable[str]) -> None:
        """Add the outcomes of the newly written files to the report."""
        rows = self._over(files, "select outcome, reject_reason, count(*) from {files} group by all")
        for outcome, reason, count in rows:
            self.report.outcomes[outcome] = self.report.outcomes.get(outcome, 0) + count
            if reason is not None:
                self.report.rejects[reason] = self.report.rejects.get(reason, 0) + count

    def _touched(self, window: Window, files: Iterable[str], replaced: list[str]) -> list[datetime]:
        """Event hours of accepted rows added and removed, widened by what windows reach beyond themselves."""
        margin = self.settings.warehouse.reach
        self._mount(window)
        removed = (
            f"(select * from lake.{RAW} where source = '{self.source.name}' "
            f"and list_contains({literal(replaced)}, uri))"
        )
        return event_hours(self.connection, files, margin, removed)

    def _keep(self, window: Window, replaced: list[str]) -> list[str]:
        """Write the rows of unchanged object versions again, so that the window can be replaced whole."""
        self._mount(window)
        unchanged = (
            f"(select * from lake.{RAW} where source = '{self.source.name}' "
            f"and not list_contains({literal(replaced)}, uri))"
        )
        return self.lake.write(RAW, self.connection, unchanged).files

    def _mount(self, window: Window) -> None:
        snapshots = {} if self.plan.base is None else {RAW: self.plan.base}
        self.lake.mount(self.connection, {RAW: window}, snapshots=snapshots)

    def _over(self, files: Iterable[str], query: str) -> list[tuple[Any, ...]]:
        listed = list(files)
        if not listed:
            return []
        return self.connection.execute(query.format(files=f"read_parquet({literal(listed)})")).fetchall()


def objects_table(source: SourceBase, refs: Sequence[ObjectRef]) -> pa.Table:
    """What the decoder is told of each object (`OBJECTS_SCHEMA`), by its place in `refs`."""
    rows = [
        {
            "object_id": number,
            "source": source.name,
            "uri": ref.uri,
            "version": ref.version,
            "arrival_hour": ref.arrival_hour,
            "arrived_at": ref.last_modified,
            "bytes": ref.size,
            "topic": ref.place.topic if isinstance(ref, RangeRef) else None,
            "partition": ref.place.partition if isinstance(ref, RangeRef) else None,
            "configured_format": None if source.format == "auto" else source.format,
            "request_id_is_unique": source.request_id_is_unique,
            "source_tenant": source.tenant,
            "attribution": source.attribution.text,
        }
        for number, ref in enumerate(refs)
    ]
    return pa.Table.from_pylist(rows, schema=OBJECTS_SCHEMA)


def event_hours(
    connection: duckdb.DuckDBPyConnection, files: Iterable[str], margin: timedelta, removed: str | None = None
) -> list[datetime]:
    """Event hours of the accepted rows of `files` and of the relation `removed`, widened by `margin`."""
    margin_us = margin // timedelta(microseconds=1)
    added = [f"read_parquet({literal(listed)})"] if (listed := list(files)) else []
    # Whole hours since 1970: a third of the time that date_trunc and intervals take.
    queries = [
        f"select distinct (epoch_us(event_time) - {margin_us}) // 3600000000, "
        f"(epoch_us(event_time) + {margin_us}) // 3600000000 from {rows} where outcome = 'accepted'"
        for rows in (*added, *([removed] if removed else []))
    ]
    spans = {span for query in queries for span in connection.execute(query).fetchall()}
    touched = {hour for first, last in spans for hour in range(first, last + 1)}
    return [datetime.fromtimestamp(hour * 3600, UTC) for hour in sorted(touched)]


OBJECTS_SCHEMA = pa.schema(
    [
        ("object_id", pa.int32()),
        ("source", pa.string()),
        ("uri", pa.string()),
        ("version", pa.string()),
        ("arrival_hour", pa.timestamp("us", "UTC")),
        ("arrived_at", pa.timestamp("us", "UTC")),
        ("bytes", pa.int64()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("configured_format", pa.string()),
        ("request_id_is_unique", pa.bool_()),
        ("source_tenant", pa.string()),
        ("attribution", pa.string()),
    ]
)
