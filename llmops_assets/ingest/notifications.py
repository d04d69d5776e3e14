"""Notifications of a bucket that come by Kafka: ranges of offsets, planned, taken into the lake and complete.

They are kept in `object_notifications`, since an hour that an object belongs to may be taken in long after the
notification of it was read. A look takes in what waits and then goes by the table, as it goes by files. What is
recorded of the ranges is the same as of any topic (`kafka_snapshots`), under the source's name with
`.notifications` behind it.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from llmops_assets.duck import connect
from llmops_assets.ingest.kafka_objects import RangesRead
from llmops_assets.ingest.kafka_snapshots import plan_snapshot
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake, StaleWindow, rows_of_spec
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import Batch, SourceError
from llmops_assets.sources.kafka import Cluster
from llmops_assets.sources.kafka.gaps import Missing, MissingRecords
from llmops_assets.sources.manifest import AHEAD
from llmops_assets.sources.naming import SHAPES, Name, names_in_text
from llmops_assets.tables import NAMED, NAMED_SPEC
from llmops_assets.windows import HOUR, Window, hour_of

ATTEMPTS = 20
LONGEST = timedelta(days=365)
"""A snapshot is filed under the newest recorded hour, if a clock was ahead when that was planned."""


def take_notifications(lake: Lake, settings: Settings, source: SourceSettings, now: datetime, run_id: str) -> None:
    """Take in what the source's topics say since the last time.

    Safe beside others who do the same; one that dies leaves a planned range, which the next one takes in.

    Raises:
        MissingRecords: a topic lost records, or one names no object.
        SourceError: brokers cannot be reached, or a topic does not exist.
    """
    if source.notifications is None:
        return
    topic = source.notifications.of(source.name)
    hour = hour_of(now)
    book = plan_snapshot(lake, topic, Window(hour, hour + LONGEST), now, run_id, settings.start)
    if not book.planned:
        return
    read = RangesRead(topic, [one.ref() for one in book.planned])
    rows = [row for batch in read.batches(settings.ingest) for row in _rows(topic, read, batch)]
    _enter(lake, topic, read, rows)
    read.complete(lake, run_id)
    with suppress(SourceError):  # only tools look at a group's offsets; who may not commit them reads all the same
        Cluster(topic).commit({place: head.end_offset for place, head in book.heads.items()})


def told(lake: Lake, source: SourceSettings, since: datetime | None) -> list[tuple[datetime, Name]]:
    """The last that was said of each object, in notifications taken in since a day before `since`."""
    if source.notifications is None or not lake.exists(NAMED):
        return []
    first = (hour_of(since) if since else datetime(1970, 1, 1, tzinfo=UTC)) - AHEAD
    with lake.reader([NAMED]) as connection:
        rows = connection.execute(
            "select max(arrived_at), object_key, object_bucket, arg_max(object_version, (arrived_at, record_offset)) "
            f"from lake.{NAMED} where source = ? and arrival_hour >= ? group by object_key, object_bucket order by all",
            [source.notifications.of(source.name).name, first],
        ).fetchall()
    return [(at.astimezone(UTC), Name(key, bucket, version)) for at, key, bucket, version in rows]


def _rows(topic: KafkaSettings, read: RangesRead, batch: Batch) -> Iterator[dict[str, Any]]:
    """What a batch of notifications names."""
    lines = batch.lines.select(["object_id", "line", "text", "arrived_at"]).to_pylist()
    for line in lines:
        ref, offset = read.refs[line["object_id"]], line["line"]
        names = None if line["text"] is None else names_in_text(line["text"])
        if names is None:
            why = f"the record at offset {offset} names no object; allowed: {SHAPES}"
            raise MissingRecords(topic.name, [Missing(ref.place, offset, offset + 1, why)])
        for name in names:
            yield {
                "source": topic.name,
                "arrival_hour": ref.arrival_hour,
                "uri": ref.uri,
                "version": ref.version,
                "record_offset": offset,
                "arrived_at": line["arrived_at"] or ref.last_modified,
                "object_bucket": name.bucket,
                "object_key": name.key,
                "object_version": name.version,
            }


def _enter(lake: Lake, topic: KafkaSettings, read: RangesRead, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the rows of the ranges, so that they are there once whoever entered them before."""
    lake.ensure(NAMED_SPEC)
    hours = [ref.arrival_hour for ref in read.refs]
    window = Window(min(hours), max(hours) + HOUR)
    for _ in range(ATTEMPTS):
        base = lake.current_snapshot(NAMED)
        with connect() as connection:
            lake.mount(connection, {NAMED: window}, snapshots={} if base is None else {NAMED: base})
            connection.register("named", rows_of_spec(NAMED_SPEC, rows))
            connection.register("ranges", pa.table({"uri": pa.array([ref.uri for ref in read.refs], pa.string())}))
            kept = f"select * from lake.{NAMED} where source = '{topic.name}' and uri not in (select uri from ranges)"
            try:
                read.verify(lake)
                relation = f"({kept} union all by name select * from named)"
                lake.replace(NAMED, window, connection, relation, where={"source": topic.name}, based_on=base)
            except StaleWindow:
                continue
        return
    raise StaleWindow(f"{topic.name}: other runs changed its notifications {ATTEMPTS} times; run it again")
