"""The events endpoint before a bucket: what is answered is uploaded, and an upload that was cut off is made again."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from serving import LAYOUT, Server, free_port, lines

pytestmark = pytest.mark.integration


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of an S3 server with an empty bucket `calls`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
        )
        _until(lambda: _made(client))
        yield address
        client.close()
        process.terminate()


@pytest.fixture
def server(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server, not started, whose source is that bucket."""
    monkeypatch.setenv("CALLS_KEY", "key")
    monkeypatch.setenv("CALLS_SECRET", "secret")
    source = (
        f'[[source]]\nname = "events"\nuri = "s3://calls/in"\nlayout = "{LAYOUT}"\nendpoint = "{s3}"\n'
        'access_key_id_env = "CALLS_KEY"\nsecret_access_key_env = "CALLS_SECRET"\n'
    )
    server = Server(tmp_path, intake="upload_seconds = 0.2", sources=source)
    server.add_token("gateway")
    return server


def _made(client: Any) -> bool:
    try:
        client.create_bucket(Bucket="calls")
    except (EndpointConnectionError, ConnectionClosedError):
        return False
    return True


def _until(predicate: Callable[[], bool]) -> None:
    for _ in range(300):
        if predicate():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")


def spooled(server: Server) -> list[str]:
    """Files that wait for their upload."""
    return [path.name for path in (server.settings.intake_folder / "events").iterdir()]


def test_what_waited_is_in_the_bucket_when_it_is_answered(server: Server) -> None:
    server.start()
    began = time.monotonic()
    answer = server.post(lines({"n": n} for n in range(5)), server.tokens["gateway"])
    assert answer.status == 200
    assert time.monotonic() - began >= 0.2  # others may share its upload
    assert [record["n"] for record in server.records()] == list(range(5))
    assert spooled(server) == []
    server.stop()


def test_what_was_not_uploaded_when_the_process_died_is_uploaded_once(server: Server) -> None:
    server.start()
    assert server.post(lines([{"n": 1}]), server.tokens["gateway"], query="name=events").status == 202
    _until(lambda: server.get("/readyz").body["queued_bytes"] == 0)
    server.kill()
    assert server.records() == []
    assert len(spooled(server)) == 1
    server.start()
    _until(lambda: server.records() != [])
    server.stop()
    assert server.records() == [{"n": 1}]
    assert spooled(server) == []


def test_a_stop_uploads_what_is_open(server: Server) -> None:
    server.start()
    server.post(lines([{"n": 1}]), server.tokens["gateway"], query="name=events")
    server.stop()
    assert server.records() == [{"n": 1}]
