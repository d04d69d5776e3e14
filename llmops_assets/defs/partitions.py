"""The partition grids: hours by arrival, hours by event time, days by billing date, UTC days of reports.

Defined once, from the settings' `start`; every asset and mapping takes them from here. Nothing else
belongs here.
"""

from datetime import datetime, timedelta

import dagster as dg

from llmops_assets.settings import Settings
from llmops_assets.windows import DAY

# An event may lie a day after its arrival hour's end, by the clock of its producer.
FUTURE_HOURS = 26
FUTURE_DAYS = 2


def arrival_hours(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Hours under which sources file records, the running one included."""
    return dg.HourlyPartitionsDefinition(start_date=settings.start, timezone="UTC", end_offset=1)


def event_hours(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Hours of the calls' own time."""
    return dg.HourlyPartitionsDefinition(start_date=settings.start, timezone="UTC", end_offset=FUTURE_HOURS)


def billing_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Billing dates, as UTC days."""
    start = settings.start.replace(hour=0)
    return dg.DailyPartitionsDefinition(start_date=start, timezone="UTC", end_offset=FUTURE_DAYS)


def report_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """UTC days of the calls' own time, the running one included."""
    return dg.DailyPartitionsDefinition(start_date=settings.start.replace(hour=0), timezone="UTC", end_offset=1)


def days_of_a_report() -> dg.TimeWindowPartitionMapping:
    """A report of a UTC day reads the hours of that day and of the seven before it."""
    return dg.TimeWindowPartitionMapping(start_offset=-7, allow_nonexistent_upstream_partitions=True)


def days_from_hours() -> dg.TimeWindowPartitionMapping:
    """A billing date reads the hours of its UTC day and, for other time zones, of its neighbours."""
    return dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=1, allow_nonexistent_upstream_partitions=True)


def partition_key(start: datetime, step: timedelta) -> str:
    """Dagster's name of the partition that starts at `start`."""
    return f"{start:%Y-%m-%d}" if step == DAY else f"{start:%Y-%m-%d-%H:%M}"
