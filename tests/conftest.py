"""Fixtures of all tests: a clean environment, and a lake in a temporary folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.lake import Lake
from llmops_assets.settings import CatalogSettings


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pictures docs/images` makes the pictures of the documentation anew."""
    parser.addoption("--pictures", help="folder in which the browser test saves the pages that it sees")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(("LLMOPS_", "DAGSTER_", "DBT_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogSettings:
    """The default catalog, under a temporary home."""
    return CatalogSettings().resolved(tmp_path)


@pytest.fixture
def lake(catalog: CatalogSettings) -> Iterator[Lake]:
    """An empty lake."""
    yield Lake.open(catalog)
