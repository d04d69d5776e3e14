"""The client: never in the way, nothing lost in silence, nothing sent twice under two ids."""

import gzip
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from llmops_assets.client import Client, Stats

OK = (200, {}, b'{"successful_rows": 1, "quarantined_rows": 0}')


class Endpoint:
    """A server that answers as it is told to and remembers what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[float, list[dict[str, Any]]]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.open = threading.Event()
        self.open.set()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.open.wait(20)
                status, headers, answer = endpoint.took(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def took(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Remember a request, and what to answer."""
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.paths.append(path)
        self.headers.append(headers)
        self.requests.append((time.monotonic(), [json.loads(line) for line in body.splitlines()]))
        return self.answers.pop(0) if self.answers else OK

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    @property
    def sizes(self) -> list[int]:
        """Events of each request."""
        return [len(events) for _, events in self.requests]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server that takes everything, unless it is told otherwise."""
    endpoint = Endpoint()
    yield endpoint
    endpoint.open.set()
    endpoint.server.shutdown()
    endpoint.server.server_close()


Make = Callable[..., Client]


@pytest.fixture
def make(endpoint: Endpoint) -> Iterator[Make]:
    """Makes clients of the endpoint, and closes them."""
    made: list[Client] = []

    def client(**settings: Any) -> Client:
        made.append(Client(endpoint.url, name="events", token="secret", **settings))
        return made[-1]

    yield client
    for one in made:
        one.close(0.5)


def test_events_are_sent_with_name_and_token(endpoint: Endpoint, make: Make) -> None:
    client = make()
    assert client.send({"event_id": "a", "n": 1})
    assert client.flush()
    assert [events for _, events in endpoint.requests] == [[{"event_id": "a", "n": 1}]]
    assert endpoint.paths == ["/v0/events?name=events&wait=true"]
    assert endpoint.headers[0]["Authorization"] == "Bearer secret"
    assert client.stats == Stats(sent=1)


def test_a_hundred_events_are_sent_at_once_and_fewer_after_two_seconds(endpoint: Endpoint, make: Make) -> None:
    client = make()
    began = time.monotonic()
    for n in range(130):
        client.send({"id": str(n)})
    while len(endpoint.requests) < 2 and time.monotonic() < began + 10:
        time.sleep(0.01)
    assert endpoint.sizes == [100, 30]
    first, second = (at - began for at, _ in endpoint.requests)
    assert first < 1.0
    assert 1.9 <= second < 4.0


def test_an_event_without_an_id_gets_one_that_stays_when_it_is_sent_again(endpoint: Endpoint, make: Make) -> None:
    endpoint.answers = [(503, {"Retry-After": "0"}, b"")]
    client = make()
    client.send({"n": 1})
    client.send({"n": 2, "call_id": "mine"})
    assert client.flush()
    (_, first), (_, again) = endpoint.requests
    assert first == again
    assert len(first[0]["event_id"]) == 32
    assert first[1] == {"n": 2, "call_id": "mine"}
    assert client.stats == Stats(sent=2, retries=1)


def test_values_that_json_does_not_know_become_text(endpoint: Endpoint, make: Make) -> None:
    client = make()
    client.send({"id": "a", "cost_usd": Decimal("0.10"), "timestamp": datetime(2026, 11, 20, 15, tzinfo=UTC)})
    client.flush()
    event = {"id": "a", "cost_usd": "0.10", "timestamp": "2026-11-20 15:00:00+00:00"}
    assert endpoint.requests[0][1] == [event]


def test_what_is_no_json_is_dropped_and_counted_and_does_not_raise(make: Make) -> None:
    client = make()
    endless: dict[str, Any] = {}
    endless["self"] = endless
    assert [client.send({"n": float("nan")}), client.send(endless), client.send({("a", "b"): 1})] == [False] * 3  # type: ignore[dict-item]
    assert client.stats == Stats(dropped=3)


def test_retry_after_is_honoured(endpoint: Endpoint, make: Make) -> None:
    endpoint.answers = [(429, {"Retry-After": "1"}, b"")]
    client = make()
    client.send({"id": "a"})
    assert client.flush()
    (first, _), (second, _) = endpoint.requests
    assert 1.0 <= second - first < 3.0


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_error_that_sending_again_does_not_mend_is_counted_and_logged_without_the_token(
    endpoint: Endpoint, make: Make, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answers = [(status, {}, b'{"error": "no"}')]
    client = make()
    client.send({"id": "a"})
    assert client.flush()
    assert client.stats == Stats(refused=1)
    assert f"1 events were refused with status {status}" in caplog.text
    assert "secret" not in caplog.text


def test_a_batch_that_is_too_large_is_halved(endpoint: Endpoint, make: Make) -> None:
    endpoint.answers = [(413, {}, b""), OK, (413, {}, b"")]
    client = make(max_batch_size=4)
    for n in range(4):
        client.send({"id": str(n)})
    assert client.flush()
    assert endpoint.sizes == [4, 2, 2, 1, 1]
    assert client.stats == Stats(sent=4)


def test_records_that_the_endpoint_refuses_one_by_one_are_counted(endpoint: Endpoint, make: Make) -> None:
    endpoint.answers = [(200, {}, b'{"successful_rows": 1, "quarantined_rows": 2}')]
    client = make()
    for n in range(3):
        client.send({"id": str(n)})
    client.flush()
    assert client.stats == Stats(sent=1, refused=2)


def test_a_full_queue_drops_the_newest_without_waiting(
    endpoint: Endpoint, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.open.clear()
    client = make(max_queue=5, max_batch_size=2)
    began = time.monotonic()
    client.send({"id": "0"})
    client.send({"id": "1"})
    while client.stats.queued != 2 or client._queue:  # the first batch is on its way
        time.sleep(0.01)
    results = [client.send({"id": str(n)}) for n in range(2, 10)]
    assert time.monotonic() - began < 5
    assert results == [True] * 5 + [False] * 3
    assert client.stats == Stats(dropped=3, queued=7)
    assert caplog.text.count("events were dropped") == 1  # once a minute
    endpoint.open.set()
    assert client.flush()
    assert [event["id"] for _, events in endpoint.requests for event in events] == [str(n) for n in range(7)]


def test_an_endpoint_that_is_away_is_tried_again_and_what_is_left_at_close_is_counted(make: Make) -> None:
    client = Client("http://127.0.0.1:9", name="events", token="secret")
    client.send({"id": "a"})
    assert client.close(0.3) is False
    assert (client.stats.dropped, client.stats.sent) == (1, 0)
    assert client.send({"id": "b"}) is False


def test_many_threads_may_send(endpoint: Endpoint, make: Make) -> None:
    client = make()
    threads = [
        threading.Thread(target=lambda start=start: [client.send({"id": str(start + n)}) for n in range(250)])
        for start in range(0, 1000, 250)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush()
    assert sorted(int(event["id"]) for _, events in endpoint.requests for event in events) == list(range(1000))
    assert max(endpoint.sizes) == 100


def test_what_is_queued_at_exit_is_sent(endpoint: Endpoint) -> None:
    program = (
        "from llmops_assets.client import Client\n"
        f"Client({endpoint.url!r}, name='events', token='secret')\n"
        f"client = Client({endpoint.url!r}, name='events', token='secret')\n"
        "client.send({'id': 'last'})\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert [events for _, events in endpoint.requests] == [[{"id": "last"}]]


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_sends_its_own_events_only(endpoint: Endpoint, make: Make) -> None:
    endpoint.open.clear()
    client = make(max_batch_size=1)
    client.send({"id": "parent"})

    def child() -> None:
        client.send({"id": "child"})
        os._exit(0 if client.flush(10) and client.stats.queued == 0 else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    endpoint.open.set()
    process.join(20)
    assert process.exitcode == 0
    assert client.flush()
    assert sorted(event["id"] for _, events in endpoint.requests for event in events) == ["child", "parent"]


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="write http://host:8088"):
        Client("localhost:8088", name="events", token="secret")


def test_only_the_standard_library_is_needed() -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nimport llmops_assets.client\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'llmops_assets'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "[]"
    assert logging.getLogger("llmops.client").level == logging.NOTSET
