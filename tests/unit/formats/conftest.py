"""One decoder for all tests: preparing a connection costs more than decoding."""

import pytest
from decoding import Decoder


@pytest.fixture(scope="session")
def decoder() -> Decoder:
    """A prepared connection."""
    return Decoder()
