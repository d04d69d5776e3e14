"""The status of checks by partition, as the UI shows it, after runs of one hour and of a range of hours."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from poison import poison
from states import lake_of, sync, with_home, write_example

from llmops_assets.definitions import defs
from llmops_assets.expectations.catalogue import CATALOGUE
from llmops_assets.settings import Settings

# Dagster itself uses what pydantic deprecates.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

HOURS = ["2026-11-01-09:00", "2026-11-01-10:00", "2026-11-01-11:00"]
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
POSSIBLE = "llm_operations_metrics_values_are_possible"


class Site:
    """A code location with an instance, on a lake that a sync filled."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = defs()
        self.job = self.definitions.resolve_implicit_global_asset_job_def()

    def run(self, first: str, last: str) -> bool:
        """Build the hours from `first` to `last` in one run; whether it succeeded."""
        from llmops_assets.defs.warehouse import table_keys

        done = self.job.execute_in_process(
            instance=self.instance,
            asset_selection=table_keys(Settings.load(), "hourly"),
            tags={START: first, END: last},
            raise_on_error=False,
        )
        return done.success

    def status(self, asset: str, name: str) -> dict[str, set[str]]:
        """Partitions by status of a check."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        partitions = self.definitions.resolve_asset_graph().get(key).partitions_def
        state = self.instance.event_log_storage.get_asset_check_state([(key, partitions)])[key]
        shown = {status.value.lower(): subset for status, subset in state.subsets.items() if not subset.is_empty}
        return {status: set(subset.subset_value.get_partition_keys()) for status, subset in shown.items()}


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A synced lake, after which one record of the hour from 10:00 was given a count that no decoder lets through."""
    config, home = write_example(tmp_path / "example", calls=500, hours=range(9, 12)), tmp_path / "home"
    environment = with_home(config, home)
    sync(environment)
    poison(lake_of(config, home), datetime(2026, 11, 1, 10, tzinfo=UTC))
    for name in ("LLMOPS_CONFIG", "LLMOPS_HOME"):
        monkeypatch.setenv(name, environment[name])
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        yield Site(instance)


def test_a_range_run_gives_every_hour_its_own_status(poisoned: Site) -> None:
    assert not poisoned.run(HOURS[0], HOURS[2])
    # Only the middle hour has a row at fault; the sync before had built others, which stay as they were.
    status = poisoned.status("llm_operations_metrics", POSSIBLE)
    assert status["failed"] == {HOURS[1]}
    assert {HOURS[0], HOURS[2]} <= status["succeeded"]
    sound = poisoned.status("llm_operations_metrics", "llm_operations_metrics_has_one_row_per_grain")
    assert set(HOURS) <= sound["succeeded"]

    # A later run of a healthy hour updates its own status and leaves the failure of the other.
    assert poisoned.run(HOURS[2], HOURS[2])
    later = poisoned.status("llm_operations_metrics", POSSIBLE)
    assert later == status


def test_a_hidden_failure_is_not_hidden_by_the_run_of_another_hour(poisoned: Site) -> None:
    assert not poisoned.run(HOURS[1], HOURS[1])
    assert poisoned.run(HOURS[0], HOURS[0])
    assert poisoned.status("llm_operations_metrics", POSSIBLE)["failed"] == {HOURS[1]}


def test_a_healthy_example_raises_no_alarm(tmp_path: Path) -> None:
    config, home = write_example(tmp_path / "example", calls=2000, hours=range(24)), tmp_path / "home"
    sync(with_home(config, home))
    passed: dict[str, bool] = {}
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                check = entry.get_dagster_event().asset_check_evaluation_data
                passed[check.check_name] = passed.get(check.check_name, True) and check.passed
    assert passed.keys() >= {one.name for one in CATALOGUE}
    assert [name for name, is_passed in passed.items() if not is_passed] == []
