"""Servers that integration tests share."""

from collections.abc import Iterator

import pytest
from s3_server import NoServer, S3Server, running


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; without one, the tests that need it are skipped with the cure."""
    try:
        with running(tmp_path_factory.mktemp("s3")) as server:
            yield server
    except NoServer as error:
        pytest.skip(str(error))
