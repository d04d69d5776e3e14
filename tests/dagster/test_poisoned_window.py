"""A window whose audit fails publishes nothing, says which rows are at fault, and stays due."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest
from poison import poison
from states import LLMOPS, differing, lake_of, state_of, sync, with_home, write_example

from llmops_assets.tables import RAW
from llmops_assets.warehouse import due_hours

pytestmark = pytest.mark.integration


def _failed_checks(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """What every check that failed shows, by its name, as the UI would."""
    monkeypatch.setenv("LLMOPS_CONFIG", environment["LLMOPS_CONFIG"])
    monkeypatch.setenv("LLMOPS_HOME", environment["LLMOPS_HOME"])
    found: dict[str, dict[str, str]] = {}
    with dg.DagsterInstance.from_config(f"{environment['LLMOPS_HOME']}/dagster") as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                check = entry.get_dagster_event().asset_check_evaluation_data
                if not check.passed:
                    found[check.check_name] = {name: str(entry.value) for name, entry in check.metadata.items()}
    return found


def test_a_poisoned_window_publishes_nothing_and_says_which_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_example(tmp_path / "example", calls=400, hours=range(10, 12))
    home = tmp_path / "home"
    environment = with_home(config, home)
    sync(environment)
    lake = lake_of(config, home)
    before = state_of(lake)
    event_id = poison(lake)

    done = subprocess.run([LLMOPS, "sync"], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1, done.stderr
    assert "nothing was published" in done.stderr
    assert event_id in done.stderr, done.stderr
    assert differing(before, state_of(lake)).keys() <= {RAW, "data_quality_windows"}
    assert due_hours(lake)
    failed = _failed_checks(environment, monkeypatch)
    assert any(event_id in entries["examples"] for entries in failed.values())
    for name, entries in failed.items():
        assert "Nothing of the window was published" in entries["what_to_do"], name
        assert 'llmops sql "select' in entries["what_to_do"], name
    assert any(f"event_id = '{event_id}'" in entries["what_to_do"] for entries in failed.values())
