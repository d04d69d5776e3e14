"""Decoding rejected records once more, after a format was mended or added.

An object that is still there is read again, exact to the byte. Of one that is gone, and of a topic, the stored
payload is decoded: it lacks the contents, which no format reads. What is no JSON has no payload, and stays as
it is where it cannot be read again. The ledger keeps the rejects of the pass before beside those of this one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from llmops_assets import formats
from llmops_assets.duck import connect
from llmops_assets.formats.envelopes import PLACES
from llmops_assets.ingest.decoding import Decoder
from llmops_assets.ingest.intake import literal
from llmops_assets.ingest.plan import Again, plan_refresh
from llmops_assets.ingest.refresh import OBJECTS_SCHEMA, Run, event_hours, refresh
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource, SourceSettings
from llmops_assets.sources import Batch
from llmops_assets.sources.objects import LINES_SCHEMA
from llmops_assets.tables import LEDGER, LEDGER_SPEC, RAW, RAW_SPEC
from llmops_assets.touched import summary
from llmops_assets.windows import Window, contiguous

ROWS_AT_ONCE = 50_000


@dataclass
class Replay:
    """What a replay did with the records that were rejected for one reason."""

    reason: str
    before: int = 0
    after: int = 0
    objects_read: int = 0
    payloads_decoded: int = 0
    hours: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class _Target:
    """An object, or a range of offsets, with such rejects."""

    uri: str
    arrival_hour: datetime


def replay(lake: Lake, settings: Settings, source: AnySource, reason: str, window: Window, run: Run) -> Replay:
    """Decode again what was rejected for `reason` under the arrival hours of `window`.

    May be killed and run again at any moment. The event hours that it changes are due afterwards.

    Raises:
        StaleWindow: other runs change these hours; run it again.
        SourceError: the source cannot be listed.
    """
    lake.ensure(RAW_SPEC)
    lake.ensure(LEDGER_SPEC)
    done = Replay(reason, before=_count(lake, source.name, reason, window))
    targets = _targets(lake, source.name, reason, window)
    done.hours = tuple(sorted({target.arrival_hour for target in targets}))
    for span in contiguous(done.hours):
        inside = {target.uri for target in targets if target.arrival_hour in span}
        there = inside & _listed(lake, settings, source, span, run)
        done.payloads_decoded += _from_payloads(lake, settings, source, reason, span, inside - there, run)
        hours = frozenset(hour for hour in done.hours if hour in span)
        refresh(lake, settings, source, span, run, Again(frozenset(there), frozenset(inside), hours))
        done.objects_read += len(there)
    done.after = _count(lake, source.name, reason, window)
    return done


def _targets(lake: Lake, source: str, reason: str, window: Window) -> list[_Target]:
    """What the rows and, after a replay that was killed, the ledger say was rejected so."""
    with lake.reader({RAW: window, LEDGER: window}) as connection:
        rows = connection.execute(
            f"select distinct uri, arrival_hour from lake.{RAW} where source = $source and reject_reason = $reason "
            f"union select uri, arrival_hour from lake.{LEDGER} where source = $source and rejects[$reason] > 0",
            {"source": source, "reason": reason},
        ).fetchall()
    return [_Target(uri, hour.astimezone(UTC)) for uri, hour in sorted(rows)]


def _count(lake: Lake, source: str, reason: str, window: Window) -> int:
    with lake.reader({RAW: window}) as connection:
        rows = connection.execute(
            f"select count(*) from lake.{RAW} where source = ? and reject_reason = ?", [source, reason]
        ).fetchall()
    return int(rows[0][0])


def _listed(lake: Lake, settings: Settings, source: AnySource, window: Window, run: Run) -> set[str]:
    """Objects that can be read again; a topic is not read twice."""
    if not isinstance(source, SourceSettings):
        return set()
    return {ref.uri for ref in plan_refresh(lake, settings, source, window, run.started_at, run.run_id).listed}


def _from_payloads(
    lake: Lake, settings: Settings, source: AnySource, reason: str, window: Window, uris: set[str], run: Run
) -> int:
    """Decode the stored payloads of `uris` and commit the window with what came of them; how many there were."""
    if not uris:
        return 0
    run.scratch.mkdir(parents=True, exist_ok=True)
    base = lake.current_snapshot(RAW)
    with connect(run.scratch / f"replay-{source.name}.duckdb", settings.duckdb) as connection:
        formats.prepare(connection)
        lake.mount(connection, {RAW: window}, snapshots={} if base is None else {RAW: base})
        rejected = (
            f"source = '{source.name}' and reject_reason = '{reason}' and payload is not null "
            f"and list_contains({literal(sorted(uris))}, uri)"
        )
        connection.execute(f"create table rejected as select * from lake.{RAW} where {rejected}")
        if not _rows(connection, "rejected"):
            return 0
        objects = _objects(connection, source)
        decoder = Decoder(
            connection,
            objects,
            lake.writer(RAW),
            workers=settings.duckdb.threads,
            keep_bytes=settings.ingest.quarantine_keep_bytes,
        )
        files = decoder.decode(_batches(connection, objects), lambda _: None).files
        rest = f"(select * from lake.{RAW} where source = '{source.name}' and not coalesce({rejected}, false))"
        touched = event_hours(connection, files, settings.warehouse.reach)
        lake.commit_files(
            RAW,
            window,
            [file for rows in (_decoded(files), rest) for file in lake.write(RAW, connection, rows).files],
            where={"source": source.name},
            properties=summary(source.name, touched),
            based_on=base,
        )
        return _rows(connection, "rejected")


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    ((count,),) = connection.execute(f"select count(*) from {table}").fetchall()
    return int(count)


def _decoded(files: list[str]) -> str:
    """The decoded rows; what is rejected again keeps its payload, whose contents were left out once already."""
    return (
        "(select decoded.* replace (case when decoded.outcome <> 'rejected' or rejected.record_index is distinct from "
        "decoded.record_index then decoded.payload else rejected.payload end as payload) "
        f"from read_parquet({literal(files)}) as decoded inner join rejected "
        "on decoded.uri = rejected.uri and decoded.version = rejected.version and decoded.line = rejected.line "
        # A record that was rejected whole may be one that holds many.
        "and (decoded.record_index is not distinct from rejected.record_index or rejected.record_index is null "
        f"or decoded.record_index // {PLACES} - 1 = rejected.record_index))"
    )


def _objects(connection: duckdb.DuckDBPyConnection, source: AnySource) -> pa.Table:
    """The objects of the rejected rows, as the decoder wants them."""
    found = connection.execute(
        "select uri, version, any_value(arrival_hour), min(arrived_at), any_value(topic), any_value(partition) "
        "from rejected group by uri, version order by all"
    ).fetchall()
    rows = [
        {
            "object_id": number,
            "source": source.name,
            "uri": uri,
            "version": version,
            "arrival_hour": hour,
            "arrived_at": arrived_at,
            "topic": topic,
            "partition": partition,
            "configured_format": None if source.format == "auto" else source.format,
            "request_id_is_unique": source.request_id_is_unique,
            "source_tenant": source.tenant,
            "attribution": source.attribution.text,
        }
        for number, (uri, version, hour, arrived_at, topic, partition) in enumerate(found)
    ]
    return pa.Table.from_pylist(rows, schema=OBJECTS_SCHEMA)


def _batches(connection: duckdb.DuckDBPyConnection, objects: pa.Table) -> Iterator[Batch]:
    """The payloads as records at their old positions, with the length and hash that they had."""
    connection.register("replayed_objects", objects)
    lines = connection.execute(
        "select object_id, line, record_index, payload as text, payload_bytes as bytes, "
        "null::varchar as reject_reason, payload_sha256 as sha256, "
        "if(rejected.topic is null, null, rejected.arrived_at) as arrived_at, record_key, record_headers "
        "from rejected inner join replayed_objects using (uri, version) order by object_id, line, record_index"
    ).to_arrow_table()
    for start in range(0, lines.num_rows, ROWS_AT_ONCE):
        yield Batch(lines.slice(start, ROWS_AT_ONCE).select(LINES_SCHEMA.names).cast(LINES_SCHEMA), [])
