"""The whole example: all hours of all sources, the configuration that reads them, and what was planted.

Belongs here: the order of things and the promise that equal arguments change nothing. Nothing in this
package imports the decoders: its counts would prove little if it did.
"""

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np

from llmops_assets import progress
from llmops_assets.generator import dirt
from llmops_assets.generator.hour import HourPlan, drafts_of
from llmops_assets.generator.objects import Entry, encode, is_intact, write
from llmops_assets.generator.planted import FILE_NAME, Planted
from llmops_assets.generator.traffic import SOURCES, calls_per_hour, start_of

VERSION = 1
"""Raised when equal arguments come to mean other bytes."""

RECORDS = "records"


class GeneratorError(Exception):
    """The folder holds something that the generator must not touch."""


def generate(
    folder: Path,
    *,
    days: int = 3,
    calls: int = 60_000,
    seed: int = 1,
    start: date = date(2026, 11, 1),
) -> Planted:
    """Write the example below `folder`: records, `llmops.toml`, and `planted.json` with what was planted.

    Equal arguments write equal bytes with equal times. An example that is already there and intact is left
    as it is; one with other arguments is replaced, object by object.

    Raises:
        GeneratorError: another example was begun here and not finished.
    """
    arguments: dict[str, str | int] = {
        "days": days,
        "calls": calls,
        "seed": seed,
        "start": start.isoformat(),
        "version": VERSION,
    }
    before = _already_there(folder, arguments)
    if before is not None and before.digest and before.arguments == arguments and _all_intact(folder, before):
        _write_config(folder, start)
        return before
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder, Planted(arguments, files=before.files if before else []))
    planted = _write_records(folder, arguments, start)
    _remove_stale(folder, before, planted)
    planted.digest = hashlib.sha256(json.dumps([vars(file) for file in planted.files]).encode()).hexdigest()
    _write_config(folder, start)
    _save(folder, planted)
    return planted


def _already_there(folder: Path, arguments: dict[str, str | int]) -> Planted | None:
    if not (folder / FILE_NAME).is_file():
        return None
    before = Planted.load(folder)
    if not before.digest and before.arguments != arguments:
        raise GeneratorError(
            f"{folder} holds an unfinished example made with {before.arguments}: "
            "finish it with those arguments, or remove the folder, or take another one"
        )
    return before


def _all_intact(folder: Path, planted: Planted) -> bool:
    return all(is_intact(folder / RECORDS, file) for file in planted.files)


def _write_records(folder: Path, arguments: dict[str, str | int], start: date) -> Planted:
    days, calls, seed = int(arguments["days"]), int(arguments["calls"]), int(arguments["seed"])
    hourly = calls_per_hour(days, calls, seed)
    plans = dirt.plan(seed, hourly)
    planted = Planted(arguments)
    carried: dict[str, list[Entry]] = {source: [] for source in SOURCES}
    for hour in range(days * 24):
        for number, source in enumerate(SOURCES):
            plan = HourPlan(
                source,
                hour,
                start_of(start, hour),
                int(hourly[source][hour]),
                plans[source, hour],
                carried[source],
                is_last=hour == days * 24 - 1,
            )
            rng = np.random.default_rng([seed, 3, number, hour])
            carried[source] = _write_hour(folder / RECORDS, plan, rng, planted)
        progress.report("writing the example", hour + 1, days * 24)
    planted.files.sort(key=lambda file: file.path)
    planted.tenants = dict(sorted(planted.tenants.items(), key=lambda item: -item[1]))
    return planted


def _write_hour(root: Path, plan: HourPlan, rng: np.random.Generator, planted: Planted) -> list[Entry]:
    drafts, redelivered = drafts_of(plan, rng, planted)
    base = int(plan.start.timestamp())
    for draft in drafts:
        path = f"{plan.source}/{plan.start:%Y-%m-%d/%H}/{draft.name}"
        planted.files.append(write(root, path, encode(draft), base + draft.arrives_after_s))
    return redelivered


def _remove_stale(folder: Path, before: Planted | None, now: Planted) -> None:
    """Remove objects of the example that was here before; files that it did not write stay."""
    current = {file.path for file in now.files}
    for file in before.files if before else []:
        if file.path not in current:
            (folder / RECORDS / file.path).unlink(missing_ok=True)


def _save(folder: Path, planted: Planted) -> None:
    unfinished = folder / f".{FILE_NAME}"
    unfinished.write_text(planted.to_json(), encoding="utf-8")
    unfinished.replace(folder / FILE_NAME)


def _write_config(folder: Path, start: date) -> None:
    """Write `llmops.toml` unless there is one: it may have been edited since."""
    path = folder / "llmops.toml"
    if not path.exists():
        first = date(start.year - (start.month == 1), (start.month - 2) % 12 + 1, 1)
        path.write_text(CONFIG.replace("FIRST_DAY", first.isoformat()), encoding="utf-8")


CONFIG = """\
# Made by `llmops generate`. A good start for a file of your own: `llmops config` explains every setting.

# Catalog, lake, scratch and the Dagster instance live here; relative paths start at this file.
home = ".llmops"

# The first hour that can be built (UTC).
start = FIRST_DAYT00:00:00Z

# A gateway: its request log, and LiteLLM's logging payloads beside it. Formats are told apart record by record.
[[source]]
name = "gateway"
uri = "records/gateway"      # or file:///…, or s3://bucket/prefix
layout = "%Y-%m-%d/%H/"      # the hour's folder; without it an object belongs to the hour it was last modified

# Two services that log their own calls, without tenants: they are reported as `unattributed`.
[[source]]
name = "apps"
uri = "records/apps"
layout = "%Y-%m-%d/%H/"

# A stream's file sink: NDJSON, at times CSV or Parquet. cost = "reported" would take its own figures as true.
[[source]]
name = "platform"
uri = "records/platform"
layout = "%Y-%m-%d/%H/"
cost = "computed"
"""
