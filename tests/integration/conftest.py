"""Servers that integration tests share."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import in_front_of
from intake_site import Site
from kafka_broker import broker
from kafka_records import make
from registry_server import asked, registry
from s3_server import READ, NoServer, S3Server, User, running
from s3_site import Remote

from llmops_assets.lake import Lake
from llmops_assets.source_settings import SourceSettings

__all__ = ["asked", "broker", "make", "registry"]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; without one, the tests that need it are skipped with the cure."""
    try:
        with running(tmp_path_factory.mktemp("s3")) as server:
            yield server
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def reader(s3_server: S3Server) -> User:
    """Someone who may read what the tests' buckets allow."""
    return s3_server.create_user()


@pytest.fixture
def remote(
    s3_server: S3Server, reader: User, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    """A bucket of its own, written by the root and read by `reader`."""
    monkeypatch.setenv("READER_KEY", reader.access)
    monkeypatch.setenv("READER_SECRET", reader.secret)
    client, bucket = s3_server.client(), f"bucket-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    s3_server.allow(bucket, reader, READ)
    with in_front_of(s3_server.endpoint) as proxy:
        source = SourceSettings(
            name="calls",
            uri=f"s3://{bucket}/in",
            layout="%Y-%m-%d/%H/",
            endpoint=proxy.endpoint,
            access_key_id_env="READER_KEY",
            secret_access_key_env="READER_SECRET",
        )
        yield Remote(s3_server, proxy, bucket, client, reader, Site(lake, tmp_path, source))
    client.close()
