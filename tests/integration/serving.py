"""A real `llmops serve` process with tokens, and the records that the ordinary ingest finds in its objects."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.intake.tokens import create_token
from llmops_assets.settings import Settings
from llmops_assets.sources import list_objects, read_batches, store_of

LAYOUT = "%Y-%m-%d/%H/"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any


class Server:
    """A folder with an llmops.toml, and the process that serves it while it is started."""

    def __init__(self, folder: Path, *, intake: str = "", sources: str = "", **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.tokens: dict[str, str] = {}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("LLMOPS_")}
        self.environment |= environment
        self.process: subprocess.Popen[bytes] | None = None
        source = f'[[source]]\nname = "events"\nuri = "events"\nlayout = "{LAYOUT}"\n'
        config = f'[intake]\nport = {self.port}\ntokens = "tokens.toml"\n{intake}\n{sources or source}'
        (folder / "llmops.toml").write_text(config, encoding="utf-8")
        (folder / "tokens.toml").write_text("[tokens]\n", encoding="utf-8")

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """The settings that it serves."""
        return Settings.load(self.folder / "llmops.toml")

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "serve.log").read_text(encoding="utf-8")

    def add_token(self, name: str, source: str = "events", **entry: Any) -> str:
        """A token that may append to `source`."""
        self.tokens[name], line = create_token(name, {"source": source} | entry, b"")
        with (self.folder / "tokens.toml").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        return self.tokens[name]

    def start(self, *, largest_file: int | None = None) -> "Server":
        """Start the process and wait until it is ready."""
        command = [str(Path(sys.executable).with_name("llmops")), "serve", "--config", str(self.folder / "llmops.toml")]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=self.environment)
        if largest_file is not None:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                if self.get("/readyz").status == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"it did not start:\n{self.log}")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, which ends the process once everything is stored."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) in (0, -signal.SIGTERM)

    def get(self, path: str) -> Answer:
        """GET."""
        return self.request("GET", path, None, {})

    def post(
        self, body: bytes, token: str | None = None, *, query: str = "name=events&wait=true", **headers: str
    ) -> Answer:
        """POST events; header names are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return self.request("POST", f"/v0/events?{query}", body, sent)

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        names = {name.lower(): value for name, value in answer.getheaders()}
        is_json = names.get("content-type", "").startswith("application/json")
        return Answer(answer.status, names, json.loads(content) if is_json else content.decode())

    def records(self, source: str = "events") -> list[dict[str, Any]]:
        """Every record in the objects of a source, as ingest reads it."""
        (settings,) = [one for one in self.settings.source if one.name == source]
        store = store_of(settings)
        refs = list(list_objects(settings, store, None, {}))
        batches = read_batches(refs, store, batch_bytes=2**20, max_line_bytes=2**20)
        return [json.loads(text) for batch in batches for text in batch.lines["text"].to_pylist()]


def lines(records: Iterable[Any]) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
