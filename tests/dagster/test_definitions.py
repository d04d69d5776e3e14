"""What a user finds when the code location loads: assets, checks, lineage, and nothing that was forgotten."""

import ast
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

import llmops_assets.defs
from llmops_assets.definitions import defs, defs_to_execute
from llmops_assets.expectations.catalogue import CATALOGUE

TABLES_BY_HOUR = {
    *("llm_requests", "llm_operations_metrics", "latency_percentiles", "error_rates", "token_usage_per_user"),
    *("cost_per_model", "cost_per_user", "model_quality_drift", "latency_histogram"),
    *("event_conflicts", "event_conservation", "unpriced_calls"),
}
GROUPS = ["ingest", "metrics", "money", "quality", "reports"]
TABLES_BY_DAY = {"tenant_cost_daily", "reused_ids"}
TABLES_OF_REPORTS = {
    *("report_days", "report_usage", "report_spend", "report_retries", "report_users"),
    *("report_model_signals", "report_routing"),
}
REPORT = "cost_optimization_report"


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    """The code location with two sources."""
    config = tmp_path / "llmops.toml"
    config.write_text(
        'start = 2026-11-01T00:00:00Z\n[[source]]\nname = "gateway"\nuri = "in"\nlayout = "%Y-%m-%d/%H/"\n'
        '[[source]]\nname = "apps"\nuri = "s3://calls/apps"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("LLMOPS_CONFIG", str(config))
    return defs()


def test_what_sync_executes_is_what_the_ui_shows(definitions: dg.Definitions) -> None:
    shown, executed = (one.resolve_asset_graph() for one in (definitions, defs_to_execute()))
    assert executed.get_all_asset_keys() == shown.get_all_asset_keys()
    assert executed.asset_check_keys == shown.asset_check_keys
    assert executed.asset_dep_graph == shown.asset_dep_graph


def _node(definitions: dg.Definitions, *key: str) -> dg.AssetSpec:
    return next(spec for spec in definitions.resolve_all_asset_specs() if spec.key == dg.AssetKey(list(key)))


def test_every_source_and_every_published_table_is_an_asset(definitions: dg.Definitions) -> None:
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    control = {"raw_llm_events", "data_quality_windows", "source_coverage", "unpriced_usage", "price_book"}
    assert keys == {"raw/gateway", "raw/apps", REPORT} | control | TABLES_BY_HOUR | TABLES_BY_DAY | TABLES_OF_REPORTS


def _tables(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    """All assets but the page, which has no rows."""
    return [spec for spec in definitions.resolve_all_asset_specs() if spec.key != dg.AssetKey(REPORT)]


def test_every_asset_says_what_a_row_is(definitions: dg.Definitions) -> None:
    for spec in _tables(definitions):
        assert "one row per " in (spec.description or "").lower(), spec.key
        assert str(spec.metadata["grain"]).startswith("one row per "), spec.key


def test_every_asset_has_owner_group_kinds_and_tags(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert len(spec.owners) == 1, spec.key
        assert spec.group_name in GROUPS, spec.key
        assert spec.kinds, spec.key
        assert {"domain", "layer", "cadence"} <= spec.tags.keys(), spec.key


def test_groups_sorted_by_name_are_the_flow_of_the_data(definitions: dg.Definitions) -> None:
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    for spec in specs.values():
        for dep in spec.deps:
            assert str(specs[dep.asset_key].group_name) <= str(spec.group_name), (dep.asset_key, spec.key)


def test_owners_are_those_of_the_settings_and_billing_has_its_own(
    definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _node(definitions, "llm_requests").owners == ["team:data-platform"]
    assert _node(definitions, "tenant_cost_daily").owners == ["team:billing"]
    monkeypatch.setenv("LLMOPS_UI__OWNERS", '{"ingest": "team:edge", "raw/apps": "apps@example.com"}')
    other = defs()
    assert _node(other, "raw", "gateway").owners == ["team:edge"]
    assert _node(other, "raw", "apps").owners == ["apps@example.com"]
    assert _node(other, "tenant_cost_daily").owners == ["team:data-platform"]


def test_every_asset_has_columns_with_types_and_meanings(definitions: dg.Definitions) -> None:
    for spec in _tables(definitions):
        found = spec.metadata["dagster/column_schema"]
        columns = found.columns if isinstance(found, dg.TableSchema) else found.value.columns
        assert columns, spec.key
        for column in columns:
            assert column.type, (spec.key, column.name)
            assert column.description, (spec.key, column.name)


def test_the_table_of_every_asset_is_named_as_in_the_lake(definitions: dg.Definitions) -> None:
    named = {spec.key.to_user_string(): spec.metadata["dagster/table_name"] for spec in _tables(definitions)}
    assert named["raw/gateway"] == named["raw_llm_events"] == "lake.llmops.raw_llm_events"
    assert named["tenant_cost_daily"] == "lake.llmops.tenant_cost_daily"
    assert named["data_quality_windows"] == "lake.llmops.data_quality_windows"


def test_every_asset_that_is_made_here_has_a_deadline(definitions: dg.Definitions) -> None:
    hours = {"hourly": 3, "on-change": 3, "daily": 26}
    for spec in definitions.resolve_all_asset_specs():
        if spec.key == dg.AssetKey("raw_llm_events"):
            assert spec.freshness_policy is None  # nothing makes it but the sources, which have theirs
        else:
            late = timedelta(hours=hours[spec.tags["cadence"]])
            assert spec.freshness_policy == dg.FreshnessPolicy.time_window(late, late - timedelta(hours=1)), spec.key


def test_every_check_says_what_it_means_and_what_its_failure_does(definitions: dg.Definitions) -> None:
    for assets in definitions.resolve_asset_graph().assets_defs:
        for check in assets.check_specs:
            assert check.description, check.name
            assert len(check.description) > 80, check.name


def test_tables_are_partitioned_by_the_hour_and_billing_tables_by_the_day(definitions: dg.Definitions) -> None:
    for name in TABLES_BY_HOUR:
        assert isinstance(_node(definitions, name).partitions_def, dg.HourlyPartitionsDefinition)
    for name in TABLES_BY_DAY | TABLES_OF_REPORTS | {REPORT}:
        assert isinstance(_node(definitions, name).partitions_def, dg.DailyPartitionsDefinition)
    assert isinstance(_node(definitions, "raw", "gateway").partitions_def, dg.HourlyPartitionsDefinition)


def test_lineage_runs_from_the_sources_through_the_request_log_to_the_bills(definitions: dg.Definitions) -> None:
    parents = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        for spec in definitions.resolve_all_asset_specs()
    }
    assert parents["raw_llm_events"] == {"raw/gateway", "raw/apps"}
    assert parents["llm_requests"] == {"raw_llm_events"}
    assert parents["llm_operations_metrics"] == {"llm_requests"}
    assert parents["tenant_cost_daily"] == {"llm_requests"}
    assert "llm_requests" in parents["report_usage"]
    assert parents["report_spend"] == {"llm_requests", "report_days"}
    assert parents[REPORT] == TABLES_OF_REPORTS


def test_dbt_tests_are_checks_of_the_tables(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert checked <= TABLES_BY_HOUR | TABLES_BY_DAY | TABLES_OF_REPORTS | {
        "raw/gateway",
        "raw/apps",
        "source_coverage",
        "unpriced_usage",
    }
    assert {"llm_requests", "llm_operations_metrics", "tenant_cost_daily"} <= checked
    names = {key.name for key in graph.asset_check_keys}
    assert "accepted_records_are_events_duplicates_or_conflicts" in names


def test_expectations_are_checks_that_say_what_to_do(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    checks = {key.name: graph.get(key) for key in graph.asset_check_keys}
    for one in CATALOGUE:
        assert f"If it fails: {one.cure}" in checks[one.name].description
        assert checks[one.name].blocking is (one.severity == "error"), one.name
    sources = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == CATALOGUE[0].name}
    assert sources == {"raw/gateway", "raw/apps"}


def test_every_check_has_the_partitions_of_its_table(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert graph.get(key).partitions_def == graph.get(key.asset_key).partitions_def, key


def test_without_quality_no_expectation_is_declared(
    definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_QUALITY__ENABLED", "false")
    names = {key.name for key in defs().resolve_asset_graph().asset_check_keys}
    assert not names & {one.name for one in CATALOGUE}
    assert names, "dbt's tests stay"


def test_loading_does_not_load_great_expectations(definitions: dg.Definitions) -> None:
    assert "great_expectations" not in sys.modules


def test_a_report_reads_the_hours_of_its_day_and_of_the_seven_before(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    key, hours = dg.AssetKey("report_usage"), dg.AssetKey("llm_requests")
    mapping = graph.get_partition_mapping(key, hours)
    (subset,) = [
        mapping.get_upstream_mapped_partitions_result_for_partitions(
            _node(definitions, "report_usage").partitions_def.subset_with_partition_keys(["2026-11-09"]),
            _node(definitions, "report_usage").partitions_def,
            _node(definitions, "llm_requests").partitions_def,
        ).partitions_subset
    ]
    read = sorted(subset.get_partition_keys())
    assert (read[0], read[-1], len(read)) == ("2026-11-02-00:00", "2026-11-09-23:00", 8 * 24)


def test_a_range_of_partitions_is_one_run(definitions: dg.Definitions) -> None:
    for assets in definitions.resolve_asset_graph().assets_defs:
        if assets.is_executable and assets.partitions_def is not None:
            assert assets.backfill_policy == dg.BackfillPolicy.single_run(), assets.keys


def _defs_modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(Path(llmops_assets.defs.__path__[0]).glob("*.py")):
        yield file.name, ast.parse(file.read_text(encoding="utf-8"))


def _decorators(module: ast.Module) -> list[str]:
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    return [ast.unparse(decorator) for function in functions for decorator in function.decorator_list]


def test_no_module_mixes_bare_definitions_with_a_definitions_function() -> None:
    for name, module in _defs_modules():
        decorators = _decorators(module)
        bare = [one for one in decorators if one.startswith(("dg.asset", "dg.multi_asset", "dg.sensor", "dg.schedule"))]
        assert not (bare and "dg.definitions" in decorators), f"{name}: the bare ones would vanish silently"


def test_loading_reads_no_object_and_makes_no_lake(tmp_path: Path, definitions: dg.Definitions) -> None:
    assert sorted(path.name for path in tmp_path.iterdir()) == ["llmops.toml"]


def test_without_a_configuration_the_code_location_still_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {spec.key.to_user_string() for spec in defs().resolve_all_asset_specs()}
    assert "llm_requests" in keys
