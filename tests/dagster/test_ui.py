"""The UI starts from `workspace.yaml` as it is in the repository, and its graph has every table."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from states import with_home, write_example

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
GRAPH = "{ assetNodes { assetKey { path } dependencyKeys { path } isPartitioned } }"
SECONDS_TO_START = 90


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _ask(port: int, query: str) -> dict[str, object]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
    return found


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[int]:
    """The port of a running UI."""
    config = write_example(tmp_path / "example", calls=100, hours=range(1))
    (tmp_path / "dagster").mkdir()
    environment = {**with_home(config, tmp_path / "home"), "DAGSTER_HOME": str(tmp_path / "dagster")}
    port = _free_port()
    command = [str(Path(sys.executable).parent / "dagster-webserver"), "-w", str(ROOT / "workspace.yaml")]
    log = (tmp_path / "ui.log").open("wb")
    with (
        log,
        subprocess.Popen([*command, "-p", str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log) as server,
    ):
        yield port
        server.terminate()


def _graph(port: int) -> list[dict[str, object]]:
    until = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            return _ask(port, GRAPH)["data"]["assetNodes"]  # type: ignore[index,no-any-return]
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def test_the_ui_starts_and_shows_the_graph(ui: int) -> None:
    nodes = {"/".join(node["assetKey"]["path"]): node for node in _graph(ui)}  # type: ignore[index]
    assert {"raw/gateway", "raw/apps", "raw/platform", "raw_llm_events", "llm_requests"} <= nodes.keys()
    assert nodes["tenant_cost_daily"]["dependencyKeys"] == [{"path": ["llm_requests"]}]
    assert nodes["llm_operations_metrics"]["isPartitioned"]
