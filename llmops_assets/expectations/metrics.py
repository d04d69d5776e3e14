"""Metrics of a window before they are published: judged on the scratch relations, in one row per hour and
measure, whatever the number of rows.

Extremes are enough to judge ranges and orders by, so only those leave DuckDB. The week before is read from
the lake. Belongs here: what is looked at. Names, words and severities are the `catalogue`'s.
"""

from itertools import pairwise
from pathlib import Path

import duckdb

from llmops_assets.expectations.catalogue import expectations_of
from llmops_assets.expectations.finding import Finding
from llmops_assets.expectations.suite import Look, Row, examine, instant
from llmops_assets.lake import Lake
from llmops_assets.lake.filters import quoted
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.tables import RAW, REQUESTS
from llmops_assets.windows import DAY, HOUR, Window

PRICED = "int_llm_requests_priced"
METRICS = "llm_operations_metrics"
PERCENTILES = ("p0_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p100_ms")
RATES = {
    METRICS: {"cache_hit_rate": 1, "error_rate": 1, "logical_error_rate": 1},
    "error_rates": {"error_rate_pct": 100},
    "model_quality_drift": {"completion_rate_pct": 100, "truncation_rate_pct": 100},
}
"""Rates by table, each with what stands for a whole."""
TOKEN_METERS = (
    *("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input"),
    *("output_text", "reasoning", "audio_output"),
)

# Not a number is beyond every bound; a data frame would take it for a missing value.
_RATE = """
select
    'rates_are_shares' as expectation, date_trunc('hour', window_start) as hour, '{table}.{column}' as subject,
    unnest([
        case when isnan(min({column})) then 'inf'::double else min({column}) / {whole} end,
        case when isnan(max({column})) then 'inf'::double else max({column}) / {whole} end
    ]) as value,
    0::double as lower, 1::double as upper, null::varchar as note
from {table} group by hour
"""

_ORDER = """
select
    'latency_percentiles_are_in_order' as expectation, date_trunc('hour', window_start) as hour,
    'smallest step from a percentile to the next' as subject, min(least({steps})) as value,
    0::double as lower, null::double as upper, null::varchar as note
from latency_percentiles group by hour
"""

# Each product of a price and a meter was rounded to 1e-12, half a unit off at most.
_COST = """
with book as (
    select
        price_version, provider, model as price_model,
        min(price_usd) filter (where meter in ({meters})) as lowest,
        max(price_usd) filter (where meter in ({meters})) as highest,
        coalesce(max(price_usd) filter (where meter = 'request'), 0) as per_request,
        coalesce(max(price_usd) filter (where meter = 'web_search'), 0) as per_search
    from lake.price_book
    where price_version in (select price_version from lake.window_prices)
    group by all
),
charged as (
    select
        date_trunc('hour', event_time) as hour, provider, price_model, price_version,
        cost_source in ('reported', 'billed', 'estimated') as is_claimed,
        count(*) as calls,
        sum(list_cost_usd) as list_cost_usd,
        sum(cost_usd) as cost_usd,
        sum({tokens}) as tokens,
        coalesce(sum(meter_web_search), 0) as searches
    from int_llm_requests_priced
    where price_model is not null and list_cost_usd is not null and not coalesce(cache_hit, false)
    group by all
),
compared as (
    select
        charged.*, provider || ' ' || price_model as subject,
        (lowest * tokens - calls * 1e-11)::double / tokens as lower,
        (highest * tokens + per_request * calls + per_search * searches + calls * 1e-11)::double / tokens as upper
    from charged inner join book using (price_version, provider, price_model)
    where tokens > 0
)
"""
_LIST_COST = """
select
    'list_costs_are_within_the_price_book' as expectation, hour, subject, list_cost_usd::double / tokens as value,
    lower * (1 - 1e-9) as lower, upper * (1 + 1e-9) as upper, null::varchar as note
from compared
"""
_CLAIMED_COST = """
select
    'claimed_costs_are_near_the_price_book' as expectation, hour, subject, cost_usd::double / tokens as value,
    lower / {factor} as lower, upper * {factor} as upper, calls || ' calls' as note
from compared where is_claimed and cost_usd > 0 and calls >= {min_records}
"""

# Half the sum of all differences of shares: the part of the calls that would have to move.
_DISTANCE = """
select
    '{expectation}' as expectation, null::timestamptz as hour, 'share of calls by {column} that moved' as subject,
    (select sum(abs(share_now - share_before)) / 2 from moved_{column}) as value, null::double as lower,
    case when least(calls_now, calls_before) >= {min_records} then {distance}::double end as upper,
    case
        when least(calls_now, calls_before) >= {min_records} then calls_now || ' calls against ' || calls_before
        else 'not enough history: ' || calls_before || ' calls in the week before, ' || calls_now || ' now'
    end as note
from (
    select coalesce(sum(calls_now), 0)::bigint as calls_now, coalesce(sum(calls_before), 0)::bigint as calls_before
    from moved_{column}
)
"""
_MOVED = """
create or replace temp table moved_{column} as
select
    {column}, calls_now, calls_before,
    coalesce(calls_now / nullif(sum(calls_now) over (), 0), 0) as share_now,
    coalesce(calls_before / nullif(sum(calls_before) over (), 0), 0) as share_before
from (select {column}, sum(total_requests) as calls_now from llm_operations_metrics group by all)
full join (
    select {column}, sum(total_requests) as calls_before from week_before.llm_operations_metrics group by all
) using ({column})
"""
DISTRIBUTIONS = {"model": "models_are_as_in_the_week_before", "tenant_id": "tenants_are_as_in_the_week_before"}


def examine_metrics(
    lake: Lake, connection: duckdb.DuckDBPyConnection, quality: QualitySettings, window: Window, folder: Path
) -> list[Finding]:
    """Judge the relations of `window` in the scratch database of `connection`.

    Costs a scan of a dozen columns of the priced calls, and of four of the metrics of the week before.

    Raises:
        ExpectationsError: the library could not judge.
    """
    before = Window(window.start - 7 * DAY, window.start)
    lake.mount(connection, {METRICS: before}, schema="week_before")
    for column in DISTRIBUTIONS:
        connection.execute(_MOVED.format(column=column))
    expectations = expectations_of(quality.severities, batches=False)
    frame = _frame(quality)
    return examine(connection, frame, "metrics", expectations, lambda row: _look(row, window), quality, window, folder)


def _frame(quality: QualitySettings) -> str:
    rates = [
        _RATE.format(table=table, column=column, whole=whole)
        for table, columns in RATES.items()
        for column, whole in columns.items()
    ]
    cost = _COST.format(
        meters=", ".join(quoted(meter) for meter in TOKEN_METERS),
        tokens=" + ".join(f"coalesce(meter_{meter}, 0)" for meter in TOKEN_METERS),
    )
    distances = [
        _DISTANCE.format(
            expectation=name, column=column, distance=quality.max_distance, min_records=quality.min_records
        )
        for column, name in DISTRIBUTIONS.items()
    ]
    claimed = _CLAIMED_COST.format(factor=quality.cost_factor, min_records=quality.min_records)
    parts = [*rates, _ORDER.format(steps=", ".join(_steps())), _LIST_COST, claimed, *distances]
    return cost + " union all ".join(parts)


def _steps() -> list[str]:
    return [f"{upper} - {lower}" for lower, upper in pairwise(PERCENTILES)]


def _look(row: Row, window: Window) -> Look:
    """Rows of the scratch relations now; for later the records of that hour, which the lake has in any case."""
    if row.hour is None:
        return _moved(next(name for name, one in DISTRIBUTIONS.items() if one == row.expectation), window)
    start, end = instant(row.hour), instant(row.hour + HOUR)
    columns = "uri, line, record_index, event_id, event_time, tenant_id, model, status, latency_ms"
    records = f"select {columns} from {RAW} where outcome = 'accepted' and event_time >= {start} and event_time < {end}"
    if row.expectation == "rates_are_shares":
        table, _, column = row.subject.partition(".")
        wrong = f"not coalesce({column} >= 0 and {column} <= {RATES[table][column]}, true)"
        rows = f"select * from {table} where window_start >= {start} and window_start < {end} and {wrong}"
        return Look(f"{records} order by uri, line", rows)
    if row.expectation == "latency_percentiles_are_in_order":
        wrong = " or ".join(f"{step} < 0" for step in _steps())
        rows = f"select * from latency_percentiles where window_start >= {start} and window_start < {end} and ({wrong})"
        return Look(f"{records} and success order by latency_ms desc", rows)
    provider, _, model = row.subject.partition(" ")
    priced = f"provider = {quoted(provider)} and price_model = {quoted(model)}"
    costs = (
        "select uri, line, event_id, tenant_id, model, tokens_total, list_cost_usd, cost_usd, cost_source from {} "
        f"where event_time >= {start} and event_time < {end} and {priced} "
        "order by cost_usd / nullif(tokens_total, 0) desc nulls last, uri, line"
    )
    if row.expectation == "list_costs_are_within_the_price_book":
        return Look(f"{records} and provider = {quoted(provider)} order by uri, line", costs.format(PRICED))
    return Look(costs.format(REQUESTS))


def _moved(column: str, window: Window) -> Look:
    """Shares before and now of what moved most."""
    start = instant(window.start)
    query = (
        f"select {column}, sum(total_requests) filter (where window_start < {start}) as calls_before, "
        f"sum(total_requests) filter (where window_start >= {start}) as calls_now from {METRICS} "
        f"where window_start >= {instant(window.start - 7 * DAY)} and window_start < {instant(window.end)} "
        "group by all order by all"
    )
    examples = (
        f"select {column}, calls_before::bigint as calls_before, calls_now::bigint as calls_now, "
        f"round(share_before, 4) as share_before, round(share_now, 4) as share_now from moved_{column} "
        f"order by abs(share_now - share_before) desc, {column}"
    )
    return Look(query, examples)
