"""Views that readers may select from beside the tables: SQL over tables of the lake, by their plain names.

Belongs here: shapes that are only another way to read one table. What has rows of its own is a model of
the dbt project.
"""

from collections.abc import Sequence

from llmops_assets.prices import METERS
from llmops_assets.tables import QUALITY

_KEY = "billing_date, tenant_id, user_id, feature, api_key_id, config_id, environment, provider, model"

_OF_THE_CALL = (
    "list_cost_usd",
    "cost_usd",
    "reported_cost_usd",
    "saved_cost_usd",
    "unpriced_requests",
    "usage_missing_requests",
)


def _by_meter() -> str:
    """One row per key and meter; what belongs to calls and not to a meter is on the meter `request` only."""
    quantities = ", ".join(f"meter_{meter} as {meter}" for meter in METERS)
    of_the_call = ", ".join(f"case when meter = 'request' then {column} end as {column}" for column in _OF_THE_CALL)
    return (
        f"select {_KEY}, meter, quantity, {of_the_call} from tenant_cost_daily "
        f"unpivot (quantity for meter in ({quantities}))"
    )


WINDOW_COLUMNS = {
    "window_start": "date_trunc('hour', {table}.window_start)",
    "event_time": "date_trunc('hour', {table}.event_time)",
    "billing_date": "timezone('UTC', {table}.billing_date::timestamp)",
}
"""The start of a row's window, by the column that says it."""

COMPLETE = "_complete"
"""Ending of the view of a table that has complete windows only."""


def complete_view(table: str, columns: Sequence[str]) -> str | None:
    """Rows of `table` in windows that are complete and up to date; None for a table without windows."""
    column = next((name for name in WINDOW_COLUMNS if name in columns), None)
    if column is None:
        return None
    start = WINDOW_COLUMNS[column].format(table=table)
    return (
        f"select {table}.* from {table} semi join (select window_start as complete_start from {QUALITY} "
        f"where table_name = '{table}' and is_complete and is_published) on {start} = complete_start"
    )


READ_VIEWS: dict[str, str] = {"tenant_cost_daily_by_meter": _by_meter()}
"""Name of the view to the `select` that makes it."""
