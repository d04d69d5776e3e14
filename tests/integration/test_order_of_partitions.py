"""Partitions materialized in any order, in parallel processes, give the tables of one run from first to last."""

import multiprocessing
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from states import differing, lake_of, state_of, sync, with_home, write_example

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.settings import Settings
from llmops_assets.warehouse import build_days, build_hours, due_days, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.publish import Superseded
from llmops_assets.windows import DAY, Window, day_of, hour_window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PROCESSES = 3
DAY_OF_EXAMPLE = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = range(9, 12)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _settings(config: Path, home: Path) -> Settings:
    return Settings.load(config).model_copy(update={"home": home})


def _ingest(config: Path, home: Path, source: int, hour: datetime) -> None:
    settings = _settings(config, home)
    lake = lake_of(config, home)
    run = Run(f"{source}-{hour:%H}", NOW, settings.scratch / f"{os.getpid()}")
    refresh(lake, settings, settings.source[source], hour_window(hour), run)


def _build(config: Path, home: Path, hour: datetime) -> None:
    settings = _settings(config, home)
    project = DbtProject.located(home)
    for attempt in range(20):
        try:
            run = RunInfo(f"{hour:%H}-{os.getpid()}-{attempt}", NOW)
            build_hours(lake_of(config, home), settings, project, hour_window(hour), run)
        except Superseded:
            continue
        return
    raise AssertionError(f"{hour} was never ours")


def _bill(config: Path, home: Path, day: datetime) -> None:
    settings = _settings(config, home)
    window = Window(day, day + DAY)
    build_days(lake_of(config, home), settings, DbtProject.located(home), window, RunInfo(f"{day:%d}", NOW))


def _in_parallel(jobs: Sequence[tuple[Callable[..., None], tuple[object, ...]]]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        for done in [pool.submit(work, *arguments) for work, arguments in jobs]:
            done.result()


def test_shuffled_and_parallel_partitions_give_the_tables_of_one_run(tmp_path: Path) -> None:
    config = write_example(tmp_path / "example", calls=1500, hours=HOURS)
    at_once = tmp_path / "at_once"
    sync(with_home(config, at_once))
    home = tmp_path / "shuffled"
    rng = random.Random(7)

    arrivals = [DAY_OF_EXAMPLE.replace(hour=hour) for hour in range(HOURS.start, HOURS.stop + 1)]
    jobs = [(_ingest, (config, home, source, hour)) for source in range(3) for hour in arrivals]
    # Some hours are built before all of their records are there, and again afterwards.
    jobs += [(_build, (config, home, hour)) for hour in arrivals[:2]]
    rng.shuffle(jobs)
    _in_parallel(jobs)
    hours = due_hours(lake_of(config, home))
    rng.shuffle(hours)
    _in_parallel([(_build, (config, home, hour)) for hour in hours])
    days = [day_of(day) for day in due_days(lake_of(config, home), "UTC")]
    rng.shuffle(days)
    _in_parallel([(_bill, (config, home, day)) for day in days])

    lake = lake_of(config, home)
    assert (due_hours(lake), due_days(lake, "UTC")) == ([], [])
    expected, found = state_of(lake_of(config, at_once)), state_of(lake)
    # Made by the catch-up, which did not run here.
    for control in ("data_quality_windows", "source_coverage", "unpriced_usage", "price_book"):
        expected.pop(control)
    assert found["llm_requests"][0] > 150
    assert not differing(expected, found)
