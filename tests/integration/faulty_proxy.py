"""A proxy in front of an HTTP server that does to requests what a test asks for, signatures left intact.

`Proxy.fault` is asked about every request; its answer is a status to give instead, or one of the words below.
"""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESET, TRUNCATE, STALL = "reset", "truncate", "stall"
Fault = Callable[[str, str], str | int | None]
PIECE = 2**18


class Proxy:
    """Where the proxy is, what was asked of it, and what it does to it."""

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.requests: list[tuple[str, str]] = []
        self.fault: Fault = lambda method, path: None
        self.latency_s = 0.0
        self.stall_s = 3.0
        self.endpoint = ""

    def count(self, method: str, part: str) -> int:
        """How many requests of this method had `part` in their path."""
        return sum(one == method and part in path for one, path in self.requests)


@contextmanager
def in_front_of(target: str) -> Iterator[Proxy]:
    """A proxy on a free port."""
    proxy = Proxy(target)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = proxy
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    proxy: Proxy
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        proxy = self.server.proxy
        proxy.requests.append((self.command, self.path))
        time.sleep(proxy.latency_s)
        fault = proxy.fault(self.command, self.path)
        if fault == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.rfile.close()  # which holds the socket too
            self.connection.close()
        elif isinstance(fault, int):
            self._answer(fault)
        else:
            self._forward(fault)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _answer(self, status: int) -> None:
        names = {403: "AccessDenied", 503: "SlowDown"}
        body = f"<Error><Code>{names.get(status, 'InternalError')}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _forward(self, fault: str | None) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = http.client.HTTPConnection(self.server.proxy.target, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._copy(answer, fault)
        upstream.close()

    def _copy(self, answer: http.client.HTTPResponse, fault: str | None) -> None:
        if fault in (TRUNCATE, STALL):
            self.wfile.write(answer.read(int(answer.getheader("Content-Length") or 2) // 2))
            time.sleep(self.server.proxy.stall_s if fault == STALL else 0)
            self.close_connection = True
            return
        while piece := answer.read(PIECE):
            self.wfile.write(piece)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests speak for themselves."""
