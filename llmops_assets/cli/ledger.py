"""`llmops ledger`: what every source delivered and what became of it, down to the calls.

Made from the lake at the moment it is asked for, by the account that `source_coverage` is made by.
"""

from datetime import UTC, datetime
from pathlib import Path

from llmops_assets.cli.console import errors
from llmops_assets.cli.sql import show
from llmops_assets.config_file import ConfigError
from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource
from llmops_assets.warehouse.coverage import covered
from llmops_assets.windows import Window, hour_of

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_PERIODS = {"hour": "arrival_hour", "day": "cast(arrival_hour as date)", "all": "'all'"}
_COUNTS = (
    *("expected", "read", "lost", "records", "accepted", "rejected", "not_a_call", "report"),
    *("events", "exact_duplicates", "conflicts", "duplicates_of_other_sources", "reconciliation_records", "unbuilt"),
)
_QUERY = """
select
    source,
    {period} as {by},
    {sums},
    count(*) filter (where not is_complete) as open_hours,
    max(complete_since) as complete_since
from account
where source = coalesce($source, source)
group by source, {period}
order by source, {period}
"""
_REJECTS = """
select reason, sum(number)::bigint
from (
    select entry.key as reason, entry.value as number
    from (select unnest(map_entries(rejects)) as entry from account where source = coalesce($source, source))
)
group by reason
order by 2 desc, reason
"""


def run(
    config: Path | None, start: datetime | None, end: datetime | None, source: str | None, by: str, style: str
) -> None:
    """Print the account of the arrival hours in [start, end) by source and period."""
    settings = Settings.load(config)
    if source is not None:
        source_named(settings, source)
    lake = Lake.open(settings.lake_catalog)
    window = Window(hour_of(utc(start) or FIRST), utc(end) or LAST)
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in _COUNTS)
    with connect(":memory:", settings.duckdb) as connection:
        connection.execute(f"create table account as {covered(lake, connection, window)}")
        query = _QUERY.format(period=_PERIODS[by], by=by, sums=sums)
        show(connection.sql(query, params={"source": source}), style)
        rejects = connection.execute(_REJECTS, {"source": source}).fetchall()
    if rejects and style == "table":
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in rejects)
        errors.print(f"rejected: {reasons}", highlight=False, soft_wrap=True)


def source_named(settings: Settings, name: str) -> AnySource:
    """The configured source of that name. Raises `ConfigError`."""
    for source in settings.source:
        if source.name == name:
            return source
    names = ", ".join(one.name for one in settings.source) or "none"
    raise ConfigError(f"--source {name}: no such source; configured: {names}")


def utc(at: datetime | None) -> datetime | None:
    """The time, in UTC unless it says otherwise."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
