"""A record spoilt behind the platform's back, for tests of what an audit does."""

from datetime import UTC, datetime

from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.tables import RAW
from llmops_assets.touched import summary
from llmops_assets.windows import hour_window

_NEGATED = """
(select * replace (if(event_id = '{event_id}', -tokens_output, tokens_output) as tokens_output)
from lake.raw_llm_events where source = '{source}')
"""


def poison(lake: Lake, event_hour: datetime | None = None) -> str:
    """Give one accepted record (of `event_hour`) a count that no decoder lets through; its event id."""
    with connect() as connection:
        lake.mount(connection, [RAW])
        source, arrival, event_id, hour = connection.execute(
            "select source, arrival_hour, event_id, date_trunc('hour', event_time) from lake.raw_llm_events "
            "where outcome = 'accepted' and tokens_output > 0 "
            "and coalesce(date_trunc('hour', event_time) = $hour, $hour is null) order by event_id limit 1",
            {"hour": event_hour},
        ).fetchall()[0]
        window = hour_window(arrival.astimezone(UTC))
        lake.mount(connection, {RAW: window})
        lake.replace(
            RAW,
            window,
            connection,
            _NEGATED.format(event_id=event_id, source=source),
            where={"source": source},
            properties=summary(source, [hour.astimezone(UTC)]),
        )
    return str(event_id)
