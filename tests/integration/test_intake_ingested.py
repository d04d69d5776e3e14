"""From an application to the lake: client, endpoint, objects, refresh, with and without accidents."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from serving import LAYOUT, Server, lines

from llmops_assets.client import Client, Stats
from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.tables import RAW
from llmops_assets.windows import HOUR, Window, hour_of

pytestmark = pytest.mark.integration

SOURCES = f"""
[[source]]
name = "events"
uri = "events"
layout = "{LAYOUT}"

[[source]]
name = "acme_events"
uri = "acme"
layout = "{LAYOUT}"
tenant = "acme"
"""


def call(number: int, **fields: Any) -> dict[str, Any]:
    """A call, as an application sends it."""
    return {
        "event_id": f"call-{number}",
        "timestamp": datetime.now(UTC).isoformat(),
        "model": "gpt-4o",
        "tokens_input": 10,
        "tokens_output": 5,
    } | fields


def taken_in(lake: Lake, server: Server, source: str) -> list[tuple[str, str | None]]:
    """Id and tenant of every accepted record of a source, after the hours around now were refreshed."""
    (settings,) = [one for one in server.settings.source if one.name == source]
    now = datetime.now(UTC)
    window = Window(hour_of(now) - HOUR, hour_of(now) + HOUR)
    refresh(lake, server.settings, settings, window, Run("run", now, server.folder / f"scratch-{source}"))
    with lake.reader([RAW]) as connection:
        query = f"select event_id, tenant_id from lake.{RAW} where source = ? and outcome = 'accepted'"
        return sorted(connection.execute(query, [source]).fetchall())


def test_every_event_of_the_clients_is_taken_in_once(tmp_path: Path, lake: Lake) -> None:
    server = Server(tmp_path, sources=SOURCES)
    server.add_token("gateway")
    server.add_token("acme", "acme_events", tenant="acme")
    server.start()
    with (
        Client(server.url, name="events", token=server.tokens["gateway"]) as app,
        Client(server.url, name="acme_events", token=server.tokens["acme"]) as acme,
    ):
        for number in range(450):
            assert app.send(call(number, tenant="beta"))
        acme.send(call(1))
        acme.send(call(2, tenant="acme"))
        acme.send(call(3, tenantSlug="", metadata={"feature": "chat"}))
        acme.send(call(4, tenant="beta"))
    assert app.stats == Stats(sent=450)
    assert acme.stats == Stats(sent=3, refused=1)
    server.stop()
    assert taken_in(lake, server, "events") == sorted((f"call-{number}", "beta") for number in range(450))
    assert taken_in(lake, server, "acme_events") == [(f"call-{number}", "acme") for number in (1, 2, 3)]


def test_a_client_bridges_a_restart_of_the_endpoint(tmp_path: Path, lake: Lake) -> None:
    server = Server(tmp_path)
    server.add_token("gateway")
    server.start()
    with Client(server.url, name="events", token=server.tokens["gateway"], flush_interval_ms=50) as app:
        for number in range(300):
            app.send(call(number))
            if number == 150:
                server.kill()
                server.start()
            time.sleep(0.001)
    assert app.stats.sent == 300
    server.stop()
    assert {name for name, _ in taken_in(lake, server, "events")} == {f"call-{number}" for number in range(300)}


class Sender(threading.Thread):
    """Sends batches of new events one after another, never one twice, and remembers which were answered 200."""

    def __init__(self, server: Server, start: int) -> None:
        super().__init__()
        self.server, self.number = server, start
        self.sent: list[int] = []
        self.answered: list[int] = []
        self.finished = threading.Event()

    def run(self) -> None:
        while not self.finished.is_set():
            batch = list(range(self.number, self.number + 20))
            self.number += len(batch)
            self.sent += batch
            try:
                answer = self.server.post(lines({"n": n} for n in batch), self.server.tokens["gateway"])
            except (OSError, HTTPException):
                time.sleep(0.02)
                continue
            if answer.status == 200:
                self.answered += batch


def test_a_killed_endpoint_keeps_what_it_answered_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261120)
    server = Server(tmp_path, intake="roll_seconds = 0.2")
    server.add_token("gateway")
    server.start()
    senders = [Sender(server, start) for start in (0, 10**6, 2 * 10**6)]
    for sender in senders:
        sender.start()
    for _ in range(6):
        time.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        server.start()
    for sender in senders:
        sender.finished.set()
        sender.join()
    server.stop()
    stored = Counter(record["n"] for record in server.records())
    answered = {n for sender in senders for n in sender.answered}
    sent = {n for sender in senders for n in sender.sent}
    assert len(answered) > 1000
    assert answered - stored.keys() == set()
    assert stored.keys() - sent == set()
    assert set(stored.values()) == {1}
    assert list((tmp_path / "events" / ".intake").iterdir()) == []


def test_what_was_answered_is_on_disk_before_the_object_is_finished(tmp_path: Path) -> None:
    server = Server(tmp_path)
    token = server.add_token("gateway")
    server.start()
    assert server.post(lines([{"n": 1}]), token).status == 200
    server.kill()
    assert server.records() == []
    server.start()
    deadline = time.monotonic() + 10
    while not server.records() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.records() == [{"n": 1}]
    server.stop()
