"""What rows of different marts, and the views over them, must agree on."""

from decimal import Decimal

import pytest
from seed_pipeline import published_days, published_seeds

from llmops_assets.lake import Lake
from llmops_assets.warehouse.views import READ_VIEWS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = tmp_path_factory.getbasetemp() / "seeds"
    published_seeds(home)
    return published_days(home)


def test_sums_over_meters_are_sums_over_calls(lake: Lake) -> None:
    with lake.reader(["tenant_cost_daily", "llm_requests"]) as connection:
        connection.execute("set search_path = 'lake'")
        connection.execute(f"create temp view by_meter as {READ_VIEWS['tenant_cost_daily_by_meter']}")
        meters, costs, reported, calls = connection.execute(
            "select sum(quantity) filter (where meter not in ('request', 'web_search')), sum(cost_usd), "
            "sum(reported_cost_usd), sum(quantity) filter (where meter = 'request') from by_meter"
        ).fetchall()[0]
        assert (meters, costs, reported, calls) == connection.execute(
            "select sum(tokens_total), sum(cost_usd), sum(reported_cost_usd), count(*) from llm_requests"
        ).fetchone()
    # Four inputs of the same 14 calls, two of 12, and the Flink job's seven, with the costs that they state.
    assert calls == 4 * 14 + 2 * 12 + 7
    assert costs == 5 * Decimal("0.101") + Decimal("0.083") + Decimal("0.0087")


def test_a_percentile_read_off_the_histogram_is_close_to_the_exact_one(lake: Lake) -> None:
    with lake.reader(["latency_histogram", "llm_requests"]) as connection:
        (read,) = connection.execute(
            "with buckets as (select bucket, bucket_lower_ms as low, bucket_upper_ms as high, "
            "sum(request_count) as calls from lake.latency_histogram group by all), "
            "summed as (select *, sum(calls) over (order by bucket) as up_to, sum(calls) over () as total "
            "from buckets) "
            "select 2 * low * high / (low + high) from summed where up_to >= 0.9 * total order by bucket limit 1"
        ).fetchall()[0]
        (exact,) = connection.execute("select quantile_disc(latency_ms, 0.9) from lake.llm_requests").fetchall()[0]
    assert read == pytest.approx(exact, rel=0.044)
