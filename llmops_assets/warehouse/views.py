"""Views that readers may select from beside the tables: SQL over tables of the lake, by their plain names.

Belongs here: shapes that are only another way to read one table. What has rows of its own is a model of
the dbt project.
"""

from llmops_assets.prices import METERS

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


READ_VIEWS: dict[str, str] = {"tenant_cost_daily_by_meter": _by_meter()}
"""Name of the view to the `select` that makes it."""
