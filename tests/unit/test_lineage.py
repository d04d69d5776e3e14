"""Columns of tables are traced to the columns of the request log that they are computed from, or not at all."""

from pathlib import Path

import pytest

from llmops_assets.warehouse.lineage import lineage_of
from llmops_assets.warehouse.project import LINEAGE, DbtProject

CALLS = {"event_time": "timestamptz", "model": "varchar", "success": "boolean", "cost_usd": "decimal(38,12)"}
PRICED = '"scratch"."main"."int_llm_requests_priced"'


def test_a_column_comes_from_all_columns_in_its_expressions_through_every_step() -> None:
    sql = f"""
        with calls as (select *, date_trunc('hour', event_time) as window_start from {PRICED}),
        counted as (
            select window_start, count(*) as requests, sum(cost_usd) filter (where success) as spent
            from calls group by all
        )
        select window_start, requests, spent / requests as each from counted
    """
    assert lineage_of(sql, ["window_start", "requests", "each"], CALLS) == {
        "window_start": ["event_time"],
        "requests": [],
        "each": ["cost_usd", "success"],
    }


def test_subqueries_in_filters_are_no_lineage_and_no_obstacle() -> None:
    sql = f"select model from {PRICED} where model in (select model from {PRICED} where success)"
    assert lineage_of(sql, ["model"], CALLS) == {"model": ["model"]}


def test_the_columns_beside_a_setting_are_not_forgotten() -> None:
    zone = 'select settings.billing_time_zone from "scratch"."lake"."run_settings" as settings'
    sql = f"select cast(event_time at time zone ({zone}) as date) as billing_date from {PRICED}"
    assert lineage_of(sql, ["billing_date"], CALLS) == {"billing_date": ["event_time"]}


@pytest.mark.parametrize(
    "sql",
    [
        f'select model from {PRICED} inner join "scratch"."main"."other" using (model)',
        f"select (select max(model) from {PRICED}) as model from {PRICED}",
        f"select nothing as model from {PRICED}",
    ],
    ids=["reads something else", "a value from a subquery", "a column that is not there"],
)
def test_what_cannot_be_traced_for_sure_has_no_lineage(sql: str) -> None:
    assert lineage_of(sql, ["model"], CALLS) is None


def test_the_projects_own_tables_are_traced(tmp_path: Path) -> None:
    found = DbtProject.located(tmp_path).manifest[LINEAGE]
    # Read in dbt_project/models/marts: what each of these is computed from.
    assert found["cost_per_model"]["model"] == ["model", "requested_model", "success"]
    assert found["error_rates"]["rate_limit_errors"] == ["error_type"]
    assert found["llm_operations_metrics"]["cache_hit_rate"] == ["cache_hit"]
    assert found["tenant_cost_daily"]["cost_usd"] == ["cost_usd"]
    assert found["tenant_cost_daily"]["billing_date"] == []  # taken from a calendar that is joined by time
    assert found["reused_ids"]["billing_date"] == ["event_time"]
    # Made through views of raw records, which are no assets.
    assert not {"llm_requests", "event_conflicts", "event_conservation"} & found.keys()
