"""Killing `llmops sync` at any moment and running it again gives the tables that one undisturbed run gives."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from states import LLMOPS, differing, lake_of, state_of, sync, with_home, write_example

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

KILLS = 20
KILLS_IN_A_ROW = 4


def _work_begins(process: "subprocess.Popen[str]") -> bool:
    """Wait for the first line of progress; False if the command ended without one."""
    assert process.stderr is not None
    return bool(process.stderr.readline())


def _killed(environment: Mapping[str, str], after_seconds: float) -> bool:
    """Start a sync and kill it so long after it began to work; False if it had ended by then."""
    with subprocess.Popen([LLMOPS, "sync"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert _work_begins(process)
        time.sleep(after_seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.returncode == -signal.SIGKILL


def _seconds_of_work(environment: Mapping[str, str]) -> float:
    with subprocess.Popen([LLMOPS, "sync"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert _work_begins(process)
        began = time.monotonic()
        _, rest = process.communicate()
        assert process.returncode == 0, rest
        return time.monotonic() - began


def test_a_sync_killed_anywhere_and_run_again_gives_the_same_tables(tmp_path: Path) -> None:
    config = write_example(tmp_path / "example", calls=600, hours=range(9, 12))
    undisturbed = with_home(config, tmp_path / "undisturbed")
    seconds = _seconds_of_work(undisturbed)
    expected = state_of(lake_of(config, tmp_path / "undisturbed"))
    assert expected["llm_requests"][0] > 50

    home = tmp_path / "killed"
    environment = with_home(config, home)
    rng = random.Random(20261121)
    kills = 0
    while kills < KILLS:
        shutil.rmtree(home, ignore_errors=True)
        in_a_row = 0
        # What was done before a kill stays done, so later kills come sooner to hit what is left.
        while in_a_row < KILLS_IN_A_ROW and _killed(environment, rng.uniform(0, seconds / (1 + in_a_row))):
            in_a_row += 1
        kills += in_a_row
        sync(environment)
        assert not differing(expected, state_of(lake_of(config, home))), f"after {kills} kills"
