"""The dbt project's own unit tests, all in one invocation: a pipeline run leaves them out."""

from pathlib import Path

from llmops_assets.warehouse import dbt
from llmops_assets.warehouse.project import DbtProject

# Models whose figures are sums, ratios or prices: each has arithmetic of its own to get wrong.
ARITHMETIC = {
    "int_llm_requests_deduplicated",
    "int_request_attempts",
    "int_llm_requests_identified",
    "error_rates",
    "int_llm_requests_metered",
    "int_llm_requests_listed",
    "int_llm_requests_priced",
    "int_model_prices_matched",
    "llm_operations_metrics",
    "cost_per_model",
    "cost_per_user",
    "tenant_cost_daily",
    "report_spend",
    "report_retries",
    "report_users",
    "report_model_signals",
    "report_routing",
}


def test_every_unit_test_of_the_dbt_project_passes(tmp_path: Path) -> None:
    project = DbtProject.located(tmp_path)
    result = dbt.invoke(
        project,
        ["test", "--select", "test_type:unit"],
        scratch=tmp_path,
        target=tmp_path / "target",
        manifest=project.load(),
    )
    failed = {one.node.name: one.message for one in result.results if one.status != "pass"}
    assert failed == {}
    assert {one.node.name for one in result.results} == {
        test["name"] for test in project.manifest["unit_tests"].values()
    }


def test_every_model_that_computes_has_a_unit_test(tmp_path: Path) -> None:
    manifest = DbtProject.located(tmp_path).manifest
    assert {test["model"] for test in manifest["unit_tests"].values()} >= ARITHMETIC
