"""The UI as its user meets it, in headless Chromium: a partition, a backfill of 72 hours, checks, and a failure.

With `--pictures FOLDER` the pages are saved; those in docs/images were made so.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, DRIVER, MISSING, SIZE, Browser, browser
from poison import poison
from states import LLMOPS, lake_of, sync, with_home

from llmops_assets.generator import generate
from llmops_assets.instance import dagster_home
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.warehouse.due import published
from llmops_assets.windows import DAY, HOUR, Window

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING),
]

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + 3 * DAY)
HOURS = "2026-11-01-00:00...2026-11-03-23:00"
TABLE = "llm_requests"
PARTITIONS = "(//input[@type='text' and not(contains(@placeholder, 'Filter'))])[last()]"
LAUNCH = "//button[starts-with(normalize-space(.), 'Launch') and not(@disabled)]"
TAB = "\ue004"
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status numPartitions } } } }"


@dataclass(frozen=True)
class Ui:
    """A running UI with its daemon, on records that are taken in and not yet built."""

    url: str
    environment: Mapping[str, str]
    lake: Lake

    def ask(self, query: str) -> Any:
        """What GraphQL answers, as the UI itself would ask."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            (found,) = json.load(answer)["data"].values()
        return found["results"]

    def runs(self) -> dict[str, str]:
        """Runs and their states."""
        return {run["runId"]: run["status"] for run in self.ask(RUNS)}


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    """`llmops dev` with its sensors switched off, so that nothing runs but what is clicked."""
    generate(tmp_path / "example", days=3, calls=1500, seed=3)
    config, home = tmp_path / "example" / "llmops.toml", tmp_path / "home"
    folder = dagster_home(Settings.load(config).model_copy(update={"home": home}))
    environment = {**with_home(config, home), "LLMOPS_AUTOMATION__ENABLED": "false", "DAGSTER_HOME": str(folder)}
    _materialize(environment, "key:raw/gateway")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "ui.log").open("wb")
    command = [LLMOPS, "dev", "--port", str(port)]
    with (
        log,
        subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            running = Ui(f"http://127.0.0.1:{port}", environment, lake_of(config, home))
            _until(lambda: running.runs() is not None, 120, "the UI starts")
            yield running
        finally:
            server.send_signal(signal.SIGINT)  # `dagster dev` ends its servers and the daemon
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def _materialize(environment: Mapping[str, str], selection: str) -> None:
    command = [str(Path(sys.executable).parent / "dagster"), "asset", "materialize", "-m", "llmops_assets.definitions"]
    subprocess.run(
        [*command, "--select", selection, "--partition-range", HOURS],
        env=environment,
        capture_output=True,
        check=True,
    )


def _until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        assert time.monotonic() < until, f"waited {seconds} s in vain: {what}"
        time.sleep(0.5)


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the pages are saved."""
    wanted = request.config.getoption("--pictures")
    return Path(wanted) if wanted else tmp_path / "pictures"


def _launch(page: Browser, ui: Ui, partitions: str) -> None:
    """Launch partitions of the table from its page, as one does by hand."""
    page.open(f"{ui.url}/assets/{TABLE}")
    page.click("//button[starts-with(normalize-space(.), 'Materialize') and not(@disabled)]", until=PARTITIONS)
    page.type(PARTITIONS, partitions + TAB)
    page.find(LAUNCH)


def _run_launched(page: Browser, ui: Ui) -> str:
    """Click; the state in which the new run ended."""
    before = ui.runs().keys()
    page.click(LAUNCH)
    ended = {"SUCCESS", "FAILURE", "CANCELED"}
    _until(lambda: any(state in ended for run, state in ui.runs().items() if run not in before), 120, "a run ends")
    return next(state for run, state in ui.runs().items() if run not in before)


def _one_partition(page: Browser, ui: Ui) -> None:
    _launch(page, ui, "2026-11-01-10:00")
    assert _run_launched(page, ui) == "SUCCESS"
    assert [hour.hour for hour in published(ui.lake, "hour", WINDOW)] == [10]
    page.open(f"{ui.url}/assets/{TABLE}?partition=2026-11-01-10%3A00&view=partitions")
    page.wait_for("2026-11-01T10:00Z/2026-11-01T11:00Z")  # in its metadata


def _backfill(page: Browser, ui: Ui, pictures: Path) -> None:
    _launch(page, ui, f"[{HOURS}]")
    page.wait_for("72 partitions")
    page.wait_for("Backfills all partitions in a single run.")
    page.picture(pictures / "backfill.png")
    page.click(LAUNCH)
    _until(lambda: [one["status"] for one in ui.ask(BACKFILLS)] == ["COMPLETED_SUCCESS"], 300, "the backfill ends")
    assert ui.ask(BACKFILLS)[0]["numPartitions"] == 72
    rows = published(ui.lake, "hour", WINDOW).values()
    assert [row.state for row in rows] == ["published"] * 72


def _checks(page: Browser, ui: Ui, pictures: Path) -> None:
    page.open(f"{ui.url}/assets/{TABLE}?view=checks&checkDetail=no_cost_is_a_silent_zero")
    page.wait_for("A cost of zero comes from a call that was free")
    page.wait_for("This is a blocking asset check.")
    page.wait_for("Passed")
    assert page.text().count("Succeeded") >= 6, page.text()
    page.picture(pictures / "checks.png")


def _pages(page: Browser, ui: Ui, pictures: Path) -> None:
    opened = ",".join(f"global@global:{group}" for group in ("ingest", "money"))
    page.resize(2000, 1100)
    page.open(f"{ui.url}/asset-groups?expanded={opened}")
    page.wait_for("raw_llm_events")
    page.wait_for("fetching statuses", gone=True)
    page.picture(pictures / "graph.png")
    page.resize(*SIZE)
    page.open(f"{ui.url}/assets/{TABLE}?partition=2026-11-02-10%3A00&view=partitions")
    page.wait_for("per_3_hours")
    page.scroll_to("Metadata")
    page.picture(pictures / "materialization.png")


def _failure(page: Browser, ui: Ui, pictures: Path) -> None:
    event_id = poison(ui.lake, START + 10 * HOUR)
    _launch(page, ui, "2026-11-01-10:00")
    assert _run_launched(page, ui) == "FAILURE"
    page.open(f"{ui.url}/assets/{TABLE}?view=checks&checkDetail=llm_requests_values_are_possible")
    page.wait_for("Nothing of the window was published")
    page.wait_for(f"event_id = '{event_id}'")
    page.scroll_to("Latest execution")
    page.picture(pictures / "failure.png")


def _owner_and_deadline(page: Browser, ui: Ui, pictures: Path, *, patient: bool) -> None:
    page.open(f"{ui.url}/assets/tenant_cost_daily")
    page.wait_for("Fails if more than 26 hours since last materialization")
    page.wait_for("What each tenant's calls consumed and cost by billing date")
    if patient:
        page.wait_for("Passing", 180)  # the daemon looks at deadlines every few minutes
    page.picture(pictures / "asset.png")


def test_partitions_and_a_backfill_are_launched_from_the_asset_page_and_checks_say_what_to_do(
    ui: Ui, pictures: Path, pytestconfig: pytest.Config
) -> None:
    wanted = pytestconfig.getoption("--pictures") is not None
    with browser() as page:
        page.open(f"{ui.url}/asset-groups")
        for group in ("ingest", "metrics", "money", "quality", "reports"):
            page.wait_for(group)
        _one_partition(page, ui)
        _backfill(page, ui, pictures)
        _checks(page, ui, pictures)
        if wanted:  # the rest of the picture
            _materialize(ui.environment, "group:ingest")
            _materialize(ui.environment, "group:metrics")
            sync(ui.environment)
        _pages(page, ui, pictures)
        _failure(page, ui, pictures)
        _owner_and_deadline(page, ui, pictures, patient=wanted)
    assert len(list(pictures.glob("*.png"))) == 6
