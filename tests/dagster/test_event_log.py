"""What the batching event log keeps is what Dagster's own keeps."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from llmops_assets.defs.event_log import BatchingSqliteEventLog, quick_event_log
from llmops_assets.instance import dagster_home, instance_text
from llmops_assets.settings import Settings

HOURS = dg.HourlyPartitionsDefinition("2026-11-01-00:00", timezone="UTC")
RANGE = {
    "dagster/asset_partition_range_start": "2026-11-01-00:00",
    "dagster/asset_partition_range_end": "2026-11-01-02:00",
}


@dg.multi_asset(
    specs=[dg.AssetSpec(name, partitions_def=HOURS) for name in ("first", "second")],
    check_specs=[dg.AssetCheckSpec("is_well", asset="first")],
    backfill_policy=dg.BackfillPolicy.single_run(),
    name="both",
)
def both() -> Any:
    yield dg.AssetCheckResult(asset_key="first", check_name="is_well", passed=True)
    for name in ("first", "second"):
        yield dg.MaterializeResult(asset_key=name, metadata={"rows": 3})


def _run(instance: dg.DagsterInstance) -> dict[str, Any]:
    job = dg.Definitions(assets=[both]).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, tags=RANGE, asset_selection=[dg.AssetKey("first"), dg.AssetKey("second")]
    )
    records = instance.fetch_materializations(dg.AssetKey("second"), limit=10, ascending=True).records
    latest = instance.get_latest_materialization_event(dg.AssetKey("first"))
    assert latest is not None
    return {
        "kinds": Counter(
            record.event_log_entry.dagster_event_type for record in instance.get_records_for_run(result.run_id).records
        ),
        "partitions": [record.partition_key for record in records],
        "ids": len({record.storage_id for record in records}),
        "latest": latest.asset_materialization.partition if latest.asset_materialization else None,
        "materialized": instance.get_materialized_partitions(dg.AssetKey("first")),
        "assets": sorted(key.to_user_string() for key in instance.all_asset_keys()),
    }


def _instance(folder: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(folder))


def test_a_range_of_partitions_leaves_the_same_records_as_in_dagsters_own_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with _instance(plain) as instance:
        expected = _run(instance)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    home = dagster_home(Settings(home=tmp_path / "home"))
    batches: list[int] = []
    store = BatchingSqliteEventLog.store_event_batch

    def counted(log: BatchingSqliteEventLog, events: Sequence[dg.EventLogEntry]) -> None:
        batches.append(len(events))
        store(log, events)

    monkeypatch.setattr(BatchingSqliteEventLog, "store_event_batch", counted)
    with quick_event_log(home), _instance(home) as instance:
        found = _run(instance)
    assert found == expected
    assert found["partitions"] == ["2026-11-01-00:00", "2026-11-01-01:00", "2026-11-01-02:00"]
    # Two tables and a check planned for three hours; then three materializations of each table.
    assert batches == [2 * 3 + 1, 3, 3]


def test_an_instance_file_is_kept_up_to_date_until_it_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(home=tmp_path)
    file = dagster_home(settings) / "dagster.yaml"
    assert file.read_text(encoding="utf-8") == instance_text(file.parent)
    file.write_text(f"{instance_text(file.parent).splitlines()[0]}\n# of an earlier version\n", encoding="utf-8")
    dagster_home(settings)
    assert "BatchingSqliteEventLog" in file.read_text(encoding="utf-8")
    file.write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    dagster_home(settings)
    assert file.read_text(encoding="utf-8") == "telemetry:\n  enabled: false\n"
