"""How many events a second `llmops serve` takes, and how long a request waits: `python -m benchmarks.intake`.

Batches of small events go over HTTP to a real process, from threads of this one, each with one request at a
time. Every accepted event is counted in the objects afterwards. Sender and server share the machine, so that
the figure holds for both together.
"""

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from llmops_assets.intake.tokens import create_token

PORT_WAIT_S = 30
# The sample record of Tinybird's tutorial, with an id.
EVENT = (
    '{"event_id": "%s", "event_time": "2026-11-20 05:16:02", "model_name": "gpt-4", "prompt_tokens": 776, '
    '"completion_tokens": 276, "total_tokens": 1052, "cost": 0.1328, "latency": 2738.5, "success": 1, '
    '"error_message": ""}\n'
)


@dataclass
class Sender(threading.Thread):
    """Sends one batch after another until it is told to stop."""

    port: int
    token: str
    body: bytes
    query: str
    stop: threading.Event
    seconds: list[float] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Send."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self.stop.is_set():
            began = time.perf_counter()
            connection.request("POST", f"/v0/events?{self.query}", self.body, headers)
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - began)
            self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
        connection.close()


@dataclass(frozen=True)
class Result:
    """What one measurement gave."""

    wait: bool
    senders: int
    batch: int
    events_per_s: int
    median_ms: float
    p99_ms: float
    server_cpu_share: float
    refused: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with and without `wait=true`, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--work", type=Path, default=None, help="folder on the disk to measure")
    options = parser.parse_args(arguments)
    one, five, _ = os.getloadavg()
    print(f"{os.cpu_count()} CPUs, load average before: {one:.2f} (1 min), {five:.2f} (5 min)")
    print(f"event of {len(EVENT % ('0' * 32))} bytes, batches of {options.batch}, {options.senders} senders")
    for wait in (True, False):
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            print(_line(measure(Path(folder), options.seconds, options.batch, options.senders, wait=wait)))


def measure(folder: Path, seconds: float, batch: int, senders: int, *, wait: bool) -> Result:
    """One measurement on a fresh server."""
    port, token = _free_port(), _configure(folder)
    (folder / "llmops.toml").write_text(_config(port), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("llmops")), "serve", "--config", str(folder / "llmops.toml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        _wait_for(port)
        query = f"name=events&wait={'true' if wait else 'false'}"
        stop = threading.Event()
        threads = [Sender(port, token, _body(batch, number), query, stop) for number in range(senders)]
        used, began = _cpu(server.pid), time.perf_counter()
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        share = (_cpu(server.pid) - used) / took
        server.send_signal(signal.SIGTERM)
        server.wait()
    accepted = sum(thread.answers.get(200 if wait else 202, 0) for thread in threads) * batch
    _check(folder, accepted)
    times = sorted(second for thread in threads for second in thread.seconds)
    refused = sum(count for thread in threads for status, count in thread.answers.items() if status >= 300)
    return Result(
        wait,
        senders,
        batch,
        round(accepted / took),
        round(times[len(times) // 2] * 1000, 1),
        round(times[int(len(times) * 0.99)] * 1000, 1),
        round(share, 2),
        refused,
    )


def _line(result: Result) -> str:
    how = "durable (wait=true)" if result.wait else "queued"
    return (
        f"{how:<20} {result.events_per_s:>9,} events/s   request: median {result.median_ms} ms, "
        f"99th {result.p99_ms} ms   server: {result.server_cpu_share} CPUs   refused requests: {result.refused}"
    )


def _check(folder: Path, accepted: int) -> None:
    """Every accepted event is in an object, and nothing else."""
    stored = 0
    for path in (folder / "events").rglob("*.ndjson"):
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                stored += chunk.count(b"\n")
    if stored != accepted:
        raise SystemExit(f"{accepted} events were accepted but {stored} stored")


def _configure(folder: Path) -> str:
    token, line = create_token("bench", {"source": "events"}, b"")
    (folder / "tokens.toml").write_text(f"[tokens]\n{line}\n", encoding="utf-8")
    return token


def _config(port: int) -> str:
    source = '[[source]]\nname = "events"\nuri = "events"\nlayout = "%Y-%m-%d/%H/"\n'
    return f'[intake]\nport = {port}\ntokens = "tokens.toml"\n{source}'


def _body(batch: int, number: int) -> bytes:
    return "".join(EVENT % f"{number:08x}{event:024x}" for event in range(batch)).encode()


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(PORT_WAIT_S * 20):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"the server did not listen after {PORT_WAIT_S} s")


if __name__ == "__main__":
    main()
