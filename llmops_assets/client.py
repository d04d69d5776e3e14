"""A small client of the events endpoint, for applications: standard library only, safe to call on a hot path.

`send` puts an event into a bounded queue and returns; a thread sends what has come together, every two seconds
or every hundred events, and tries again while the endpoint is away. It never blocks and never raises: what the
full queue cannot take is dropped, newest first, counted in `stats` and logged. An event without an id gets one,
so that a batch that is sent twice counts once.
"""

import atexit
import gzip
import http.client
import json
import logging
import os
import random
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

IDS = ("event_id", "id", "call_id")
AGAIN = {408, 425, 429, 500, 502, 503, 504}
LOG_EVERY_S = 60.0
LONGEST_WAIT_S = 30.0
COMPRESSED_FROM_BYTES = 1024
log = logging.getLogger("llmops.client")


@dataclass(frozen=True)
class Stats:
    """Counts of events since the client was made.

    `sent` are on the endpoint's disk; `dropped` were given up, because the queue was full, the event was no JSON or
    the client was closed first; `refused` met an error that sending again would not mend. `queued` are left.
    """

    sent: int = 0
    dropped: int = 0
    refused: int = 0
    retries: int = 0
    queued: int = 0


class Client:
    """Sends events to `url` in the background.

    Example:
        client = Client("http://localhost:8088", name="events", token=os.environ["EVENTS_TOKEN"])
        client.send({"model": "gpt-4o", "timestamp": time.time(), "tokens_input": 12, "tokens_output": 3})
    """

    _queue: deque[bytes]
    _stats: Stats
    _changed: threading.Condition
    _thread: threading.Thread | None
    _sending: int
    _closed: bool
    _flushing: bool

    def __init__(
        self,
        url: str,
        *,
        name: str,
        token: str,
        flush_interval_ms: int = 2000,
        max_batch_size: int = 100,
        max_queue: int = 10_000,
        timeout_s: float = 10.0,
        compress: bool = True,
    ) -> None:
        self._endpoint = _Endpoint(url, name, token, timeout_s, compress=compress)
        self._interval_s, self._batch, self._limit = flush_interval_ms / 1000, max_batch_size, max_queue
        self._timeout_s = timeout_s
        self._logged_at = -LOG_EVERY_S
        self._begin()
        _clients.add(self)

    def send(self, event: Mapping[str, Any]) -> bool:
        """Queue one event; False if it was dropped."""
        line = _line(event)
        with self._changed:
            if line is None or self._closed or len(self._queue) >= self._limit:
                self._drop(1, "no JSON" if line is None else "the client is closed" if self._closed else "full queue")
                return False
            self._queue.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="llmops-client", daemon=True)
                self._thread.start()
            if len(self._queue) in (1, self._batch):
                self._changed.notify_all()
        return True

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Send what is queued now; True if nothing was left in time."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._queue and not self._sending, timeout_s)
            self._flushing = False
        return done

    def close(self, timeout_s: float | None = None) -> bool:
        """Flush, then take no more; called at exit. True if everything queued was sent or refused in time."""
        done = self.flush(self._timeout_s if timeout_s is None else timeout_s) if self._thread is not None else True
        with self._changed:
            if not self._closed:
                self._closed = True
                self._drop(len(self._queue) + self._sending, "closed before they could be sent")
                self._queue.clear()
                self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(0.2)  # it closes the connection, unless it is waiting for an answer
        return done

    @property
    def stats(self) -> Stats:
        """Counts so far."""
        with self._changed:
            return replace(self._stats, queued=len(self._queue) + self._sending)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        """An empty queue without a thread: at first, and in a forked child, whose parent sends what it queued."""
        self._queue, self._stats = deque(), Stats()
        self._sending = 0
        self._changed = threading.Condition()
        self._closed = self._flushing = False
        self._thread = None
        self._endpoint.forget()

    def _run(self) -> None:
        while batch := self._next():
            refused = self._deliver(batch)
            with self._changed:
                if self._closed:
                    break
                self._add(sent=len(batch) - refused, refused=refused)
                self._sending = 0
                self._changed.notify_all()
        self._endpoint.close()

    def _next(self) -> list[bytes]:
        """The next batch, when it is full or its time has come; empty when the client is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            self._changed.wait_for(
                lambda: len(self._queue) >= self._batch or self._flushing or self._closed, self._interval_s
            )
            batch = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
            self._sending = len(batch)
        return batch

    def _deliver(self, batch: list[bytes]) -> int:
        """Send a batch, as often as it takes; the number of events that were refused for good."""
        wait_s = 0.5
        while not self._closed:
            status, retry_after_s = self._endpoint.post(b"\n".join(batch))
            if status is not None and status < HTTPStatus.MULTIPLE_CHOICES:
                return self._endpoint.quarantined
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(batch) > 1:
                middle = len(batch) // 2
                return self._deliver(batch[:middle]) + self._deliver(batch[middle:])
            if status is not None and status not in AGAIN:
                self._warn(f"{len(batch)} events were refused with status {status}; check name and token")
                return len(batch)
            self._pause(wait_s if retry_after_s is None else retry_after_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        return 0

    def _pause(self, seconds: float) -> None:
        """Wait, a little longer than told, so that many clients do not come back at once."""
        with self._changed:
            self._add(retries=1)
            self._changed.wait_for(lambda: self._closed, seconds * random.uniform(1.0, 1.25))  # noqa: S311

    def _add(self, **counts: int) -> None:
        new = {name: getattr(self._stats, name) + count for name, count in counts.items()}
        self._stats = replace(self._stats, **new)

    def _drop(self, events: int, why: str) -> None:
        if events:
            self._add(dropped=events)
            self._warn(f"{self._stats.dropped} events were dropped so far, the last because of: {why}")

    def _warn(self, message: str) -> None:
        """Log at most once a minute: a client that is cut off must not fill the logs of its application."""
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            log.warning("%s", message)


class _Endpoint:
    """One connection, kept open; used by the client's thread only."""

    def __init__(self, url: str, name: str, token: str, timeout_s: float, *, compress: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{url!r} is no address of an endpoint; write http://host:8088 or https://host")
        self._is_secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v0/events?name={quote(name)}&wait=true"
        self._token, self._timeout_s, self._compress = token, timeout_s, compress
        self._connection: http.client.HTTPConnection | None = None
        self.quarantined = 0

    def __repr__(self) -> str:
        return f"_Endpoint({self._host!r}, {self._port!r})"

    def post(self, body: bytes) -> tuple[int | None, float | None]:
        """Status (None: no answer) and the seconds of Retry-After, if there are any."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/x-ndjson"}
        if self._compress and len(body) >= COMPRESSED_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("POST", self._path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None, None
        self.quarantined = _quarantined(content)
        return answer.status, _seconds(answer.getheader("Retry-After"))

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Drop a connection that belongs to a parent process, without ending it."""
        self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout_s)


def _line(event: Mapping[str, Any]) -> bytes | None:
    """The event as one line, with an id; None if it is no JSON. Decimals, dates and the like become text."""
    try:
        record = dict(event)
        if not any(record.get(name) for name in IDS):
            record["event_id"] = uuid.uuid4().hex
        return json.dumps(record, default=str, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _quarantined(content: bytes) -> int:
    try:
        return int(json.loads(content).get("quarantined_rows", 0))
    except (ValueError, AttributeError, TypeError):
        return 0


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date is not understood, and ten minutes are the longest."""
    return min(float(text), 600.0) if text is not None and text.isdigit() else None


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


def _close_all() -> None:
    for client in list(_clients):
        client.close()


def _begin_all() -> None:
    for client in list(_clients):
        client._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
