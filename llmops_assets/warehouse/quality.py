"""Is the data of an hour all there, and was it changed after it was first shown: `data_quality_windows`.

Kept apart from the marts, so that no mart depends on when it was built. The whole table is made again from
the ledger, the request log and `published_windows`; its cost grows with the number of hours.
"""

from datetime import timedelta

import duckdb
import pyarrow as pa

from llmops_assets.duck import connect
from llmops_assets.lake import Commit, Lake
from llmops_assets.settings import Settings
from llmops_assets.tables import LEDGER, LEDGER_SPEC, PUBLISHED, PUBLISHED_SPEC, QUALITY, QUALITY_SPEC, REQUESTS
from llmops_assets.warehouse.due import due_hours

_QUERY = """
with hours as (
    select
        window_start, window_end, state = 'published' and window_start not in (select hour from due) as is_published,
        case when published_at > first_published_at then published_at end as last_restated_at
    from lake.published_windows
    where scope = 'hour'
),
closed as (
    select distinct source, arrival_hour
    from lake.ingest_ledger
    where checked_at >= arrival_hour + interval 1 hour
),
waited as (
    select
        hours.window_start,
        count(closed.arrival_hour) as closed_hours
    from hours
    left join closed
        on closed.arrival_hour >= hours.window_start
        and closed.arrival_hour < hours.window_end + interval {delay} second
        and closed.source in (select source from sources)
    group by all
),
calls as (
    select
        date_trunc('hour', event_time) as window_start,
        count(*) as requests,
        count(*) filter (
            where arrived_at >= date_trunc('hour', event_time) + interval 1 hour + interval {delay} second
        ) as late_requests,
        max(epoch(arrived_at) - epoch(event_time)) as max_lateness_s
    from lake.llm_requests
    group by all
)
select
    hours.window_start,
    hours.window_end,
    waited.closed_hours = (select count(*) from sources) * {needed} as is_complete,
    hours.is_published,
    coalesce(calls.requests, 0) as requests,
    coalesce(calls.late_requests, 0) as late_requests,
    calls.max_lateness_s,
    hours.last_restated_at
from hours
inner join waited on hours.window_start = waited.window_start
left join calls on hours.window_start = calls.window_start
"""


READ_KEY = "llmops.read"


def quality_is_due(lake: Lake) -> bool:
    """Whether the ledger or `published_windows` has changed since the table was made from them."""
    if not lake.exists(QUALITY):
        return True
    made = lake.snapshots(QUALITY)
    return not made or made[-1].summary.get(READ_KEY) != _sources_read(lake)


def _sources_read(lake: Lake) -> str:
    return " ".join(f"{table}={lake.current_snapshot(table)}" for table in (LEDGER, PUBLISHED))


def write_quality(lake: Lake, settings: Settings) -> Commit:
    """Make `data_quality_windows` again: one row per published event hour."""
    for spec in (LEDGER_SPEC, PUBLISHED_SPEC, QUALITY_SPEC):
        lake.ensure(spec)
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    read = _sources_read(lake)
    with connect(limits=settings.duckdb) as connection:
        tables = [LEDGER, PUBLISHED, *([REQUESTS] if lake.exists(REQUESTS) else [])]
        lake.mount(connection, tables)
        _register(connection, settings, lake)
        query = _QUERY.format(delay=int(delay.total_seconds()), needed=1 + -(-int(delay.total_seconds()) // 3600))
        return lake.replace(QUALITY, None, connection, f"({query})", properties={READ_KEY: read})


def _register(connection: duckdb.DuckDBPyConnection, settings: Settings, lake: Lake) -> None:
    if not lake.exists(REQUESTS):
        nothing = "cast(null as timestamptz)"
        connection.execute(
            f"create view lake.llm_requests as select {nothing} as event_time, {nothing} as arrived_at where false"
        )
    connection.register("due", pa.table({"hour": pa.array(due_hours(lake), pa.timestamp("us", "UTC"))}))
    connection.register("sources", pa.table({"source": pa.array([one.name for one in settings.source], pa.string())}))
