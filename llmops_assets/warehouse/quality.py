"""Is a table's data of a window all there, was it checked, and was it changed after it was first shown:
`data_quality_windows`.

Kept apart from the marts, so that no mart depends on when it was built. The whole table is made again from
the ledger and `published_windows`; its cost grows with the number of windows and objects, not of calls (2,200
hours of eleven tables took 0.4 CPU seconds).
"""

from datetime import timedelta

import duckdb
import pyarrow as pa

from llmops_assets.duck import connect
from llmops_assets.lake import Commit, Lake
from llmops_assets.price_tables import UNPRICED
from llmops_assets.settings import Settings
from llmops_assets.tables import (
    COVERAGE,
    HOUR_IS_CLOSED,
    LEDGER,
    LEDGER_SPEC,
    PUBLISHED,
    PUBLISHED_SPEC,
    QUALITY,
    QUALITY_SPEC,
)
from llmops_assets.warehouse.due import due_days, due_hours
from llmops_assets.warehouse.unpriced import price_book_is_due
from llmops_assets.windows import day_of

# A billing date is looked at as the instants of its civil date.
_QUERY = """
with windows as (
    select
        *,
        case scope when 'hour' then window_start else {midnight} end as first_instant,
        case scope when 'hour' then window_end else {next_midnight} end as end_instant,
        state = 'published' and (scope, window_start) not in (select (scope, start) from due) as is_published,
        case when published_at > first_published_at then published_at end as last_restated_at
    from lake.published_windows
),
closed as (
    select arrival_hour, count(*) as sources
    from (
        select arrival_hour, source
        from lake.ingest_ledger
        where source in (select source from sources)
        group by arrival_hour, source
        having {closed}
    )
    group by arrival_hour
),
waited as (
    select
        windows.scope,
        windows.window_start,
        coalesce(sum(closed.sources), 0) as closed_hours,
        ceil((epoch(any_value(end_instant)) + {delay} - epoch(date_trunc('hour', any_value(first_instant)))) / 3600)
            * (select count(*) from sources) as needed_hours
    from windows
    left join closed
        on closed.arrival_hour >= date_trunc('hour', windows.first_instant)
        and closed.arrival_hour < windows.end_instant + interval {delay} second
    group by windows.scope, windows.window_start
),
tables as (
    select scope, window_start, unnest(json_keys(coalesce(nullif(audit, '{{}}'), snapshots))) as table_name
    from windows
)
select
    tables.table_name,
    windows.scope,
    windows.window_start,
    windows.window_end,
    waited.closed_hours >= waited.needed_hours as is_complete,
    windows.is_published,
    {counts},
    windows.requests,
    windows.late_requests,
    windows.max_lateness_s,
    windows.last_restated_at
from windows
inner join waited using (scope, window_start)
inner join tables using (scope, window_start)
"""
_COUNTS = {"rows": "row_count", "passed": "checks_passed", "failed": "checks_failed", "warned": "checks_warned"}


READ_KEY = "llmops.read"


def quality_is_due(lake: Lake) -> bool:
    """Whether the ledger, `published_windows` or the price books have changed since the control tables were made
    from them."""
    if not all(lake.exists(table) for table in (QUALITY, COVERAGE, UNPRICED)) or price_book_is_due(lake):
        return True
    made = lake.snapshots(QUALITY)
    return not made or made[-1].summary.get(READ_KEY) != _sources_read(lake)


def _sources_read(lake: Lake) -> str:
    return " ".join(f"{table}={lake.current_snapshot(table)}" for table in (LEDGER, PUBLISHED))


def write_quality(lake: Lake, settings: Settings) -> Commit:
    """Make `data_quality_windows` again: one row per table and window that was published."""
    for spec in (LEDGER_SPEC, PUBLISHED_SPEC, QUALITY_SPEC):
        lake.ensure(spec)
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    read = _sources_read(lake)
    with connect(limits=settings.duckdb) as connection:
        lake.mount(connection, [LEDGER, PUBLISHED])
        _register(connection, settings, lake)
        return lake.replace(QUALITY, None, connection, f"({_query(settings, delay)})", properties={READ_KEY: read})


def _query(settings: Settings, delay: timedelta) -> str:
    zone = settings.warehouse.billing_time_zone
    counts = (
        f"try_cast(json_extract_string(windows.audit, '$.' || tables.table_name || '.{name}') as bigint) as {column}"
        for name, column in _COUNTS.items()
    )
    return _QUERY.format(
        delay=int(delay.total_seconds()),
        closed=HOUR_IS_CLOSED,
        midnight=f"timezone('{zone}', timezone('UTC', window_start))",
        next_midnight=f"timezone('{zone}', timezone('UTC', window_end))",
        counts=", ".join(counts),
    )


def _register(connection: duckdb.DuckDBPyConnection, settings: Settings, lake: Lake) -> None:
    due = [("hour", hour) for hour in due_hours(lake)]
    due += [("day", day_of(day)) for day in due_days(lake, settings.warehouse.billing_time_zone)]
    scopes, starts = [scope for scope, _ in due], [start for _, start in due]
    windows = {"scope": pa.array(scopes, pa.string()), "start": pa.array(starts, pa.timestamp("us", "UTC"))}
    connection.register("due", pa.table(windows))
    connection.register("sources", pa.table({"source": pa.array([one.name for one in settings.source], pa.string())}))
