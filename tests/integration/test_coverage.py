"""`source_coverage` and `llmops ledger`: from what two sources delivered to what was counted as a call."""

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from states import LLMOPS

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.sources import ObjectRef, ObjectUnreadable
from llmops_assets.sources.local import LocalFolder
from llmops_assets.tables import CONSERVATION, COVERAGE
from llmops_assets.warehouse import build_hours, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import HOUR, Window, hour_window

pytestmark = pytest.mark.integration

TEN = datetime(2026, 11, 1, 10, tzinfo=UTC)
NOW = TEN + timedelta(days=1)
# Five calls at the gateway, of which one line is torn and one comes twice; the application logs three of them, one
# with another count of tokens, and one of its own, a minute before the hour.
GATEWAY = [("a", 0, 10), ("b", 1, 20), ("b", 1, 20), ("c", 2, 30), ("d", 3, 40)]
APPLICATION = [("a", 0, 10), ("b", 1, 20), ("c", 2, 31), ("e", -1, 50)]


class Platform:
    """Two sources whose objects arrive in the hour from ten, and a lake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "llmops.toml"
        sources = "".join(
            f'[[source]]\nname = "{name}"\nuri = "{name}"\nlayout = "%Y-%m-%d/%H/"\n'
            for name in ("gateway", "application")
        )
        self.config.write_text(f'home = "home"\n{sources}', encoding="utf-8")
        self._write("gateway", [*map(_line, GATEWAY), '{"event_id": "torn", "time'])
        self._write("application", [*map(_line, APPLICATION)])
        self.settings = Settings.load(self.config)
        self.lake = Lake.open(self.settings.lake_catalog)

    def _write(self, source: str, lines: Sequence[str]) -> None:
        file = self.folder / source / f"{TEN:%Y-%m-%d/%H}" / "calls.ndjson"
        file.parent.mkdir(parents=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.utime(file, ((TEN + timedelta(minutes=30)).timestamp(),) * 2)

    def take_in(self) -> None:
        """Take in what both sources hold under the hour."""
        for source in self.settings.source:
            refresh(self.lake, self.settings, source, hour_window(TEN), Run("take", NOW, self.settings.scratch / "in"))

    def build(self) -> None:
        """Publish the hours that are due."""
        project, hours = DbtProject.located(self.settings.home), due_hours(self.lake)
        build_hours(self.lake, self.settings, project, Window(hours[0], hours[-1] + HOUR), RunInfo("build", NOW))

    def covered(self, columns: str) -> list[tuple[Any, ...]]:
        """Rows of the account, the application's first."""
        write_coverage(self.lake, self.settings)
        with self.lake.reader([COVERAGE]) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(
                f"select {columns} from lake.{COVERAGE} order by source"
            ).fetchall()
        return rows


def _line(call: tuple[str, int, int]) -> str:
    event_id, minute, tokens = call
    at = TEN + timedelta(minutes=minute)
    return json.dumps(
        {
            "event_id": event_id,
            "timestamp": at.isoformat(),
            "tenant": "acme",
            "model": "gpt-4o",
            "prompt_tokens": tokens,
        }
    )


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Records of both sources, taken in and not yet built."""
    made = Platform(tmp_path)
    made.take_in()
    return made


RECORDS = "source, unit, expected, read, lost, records, accepted, rejected, rejects"
CALLS = "events, exact_duplicates, conflicts, duplicates_of_other_sources, unbuilt, is_settled, is_complete"


def test_every_record_is_followed_to_the_call_that_it_tells_of(platform: Platform) -> None:
    taken_in = [
        ("application", "object", 1, 1, 0, 4, 4, 0, {}),
        ("gateway", "object", 1, 1, 0, 6, 5, 1, {"malformed_json": 1}),
    ]
    assert platform.covered(RECORDS) == taken_in
    assert platform.covered(CALLS) == [(0, 0, 0, 0, 4, False, True), (0, 0, 0, 0, 5, False, True)]
    platform.build()
    assert platform.covered(RECORDS) == taken_in
    # In the order of time and position the application comes first: a, b and c are its own. Of the gateway's, a and
    # both b are told again, c contradicts, and d is new.
    assert platform.covered(CALLS) == [(4, 0, 0, 0, 0, True, True), (1, 3, 1, 3, 0, True, True)]
    assert write_coverage(platform.lake, platform.settings).unaccounted == []


def test_an_hour_is_incomplete_while_an_object_of_it_cannot_be_read(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = platform.folder / "gateway" / f"{TEN:%Y-%m-%d/%H}" / "more.ndjson"
    torn.write_text(_line(("f", 4, 60)), encoding="utf-8")
    read = LocalFolder.stream

    def refused(folder: LocalFolder, ref: ObjectRef) -> Iterator[bytes]:
        if ref.key.endswith(torn.name):
            raise ObjectUnreadable("gateway", ref.uri, "it is locked")
        return read(folder, ref)

    monkeypatch.setattr(LocalFolder, "stream", refused)
    platform.take_in()
    seen = "source, expected, read, lost, is_complete"
    assert platform.covered(seen) == [("application", 1, 1, 0, True), ("gateway", 2, 1, 0, False)]
    torn.unlink()
    platform.take_in()
    assert platform.covered(seen) == [("application", 1, 1, 0, True), ("gateway", 2, 1, 1, True)]


def test_a_record_that_is_missing_from_the_published_hours_is_found(platform: Platform) -> None:
    platform.build()
    ten = hour_window(TEN)
    with duckdb.connect() as connection:
        platform.lake.mount(connection, {CONSERVATION: ten})
        fewer = f"select * replace (events - 1 as events) from lake.{CONSERVATION} where source = 'gateway'"
        others = f"select * from lake.{CONSERVATION} where source <> 'gateway'"
        platform.lake.replace(CONSERVATION, ten, connection, f"({fewer} union all {others})")
    counts = {"records": 6, "accepted": 5, "rejected": 1, "not_a_call": 0, "report": 0, "unbuilt": 1}
    assert write_coverage(platform.lake, platform.settings).unaccounted == [("gateway", TEN, counts)]


def test_the_ledger_is_printed_by_source_and_day(platform: Platform) -> None:
    platform.build()
    command = [LLMOPS, "ledger", "--config", str(platform.config), "--format", "csv"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [
        (row["source"], row["day"], row["records"], row["events"], row["unbuilt"])
        for row in csv.DictReader(io.StringIO(printed))
    ]
    assert rows == [("application", "2026-11-01", "4", "4", "0"), ("gateway", "2026-11-01", "6", "1", "0")]
    nothing = subprocess.run([*command, "--from", "2026-11-02"], capture_output=True, text=True, check=True).stdout
    assert len(nothing.splitlines()) == 1


def test_a_source_that_is_not_configured_is_refused_by_name(platform: Platform) -> None:
    command = [LLMOPS, "ledger", "--config", str(platform.config), "--source", "gatewy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--source gatewy: no such source; configured: gateway, application" in " ".join(done.stderr.split())
