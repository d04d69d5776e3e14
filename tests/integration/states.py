"""What the integration tests of the whole pipeline share: a small example, `llmops` as a user runs it, and
the contents of all tables in a form that can be compared."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from llmops_assets.generator import generate
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings

LLMOPS = str(Path(sys.executable).parent / "llmops")
# What says who wrote a row and when, and not what is in it.
ABOUT_THE_RUN = {
    "ingest_ledger": {"duration_ms", "ingested_at", "checked_at", "run_id"},
    "published_windows": {
        *("run_id", "snapshots", "raw_sequence_number", "requests_sequence_number"),
        *("first_published_at", "published_at", "audit"),
    },
    "data_quality_windows": {"last_restated_at", "checks_passed", "checks_failed", "checks_warned"},
    "source_coverage": {"complete_since"},
    "touched_hours": {"raw_sequence_number", "committed_at"},
}
# One row per commit, however many commits there were.
HISTORIES = {"touched_hours"}

State = dict[str, tuple[int, str]]


def write_example(folder: Path, *, calls: int, hours: range, seed: int = 7) -> Path:
    """An example of one day, of which only some hours arrived; its llmops.toml."""
    generate(folder, days=1, calls=calls, seed=seed)
    for hour_folder in (folder / "records").glob("*/*/*"):
        if int(hour_folder.name) not in hours:
            shutil.rmtree(hour_folder)
    return folder / "llmops.toml"


def with_home(config: Path, home: Path) -> dict[str, str]:
    """The environment of a command that works on `config`'s records in a lake of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLMOPS_", "DAGSTER_"))}
    return {**kept, "LLMOPS_CONFIG": str(config), "LLMOPS_HOME": str(home)}


def sync(environment: Mapping[str, str]) -> None:
    """Run `llmops sync` to its end; it must publish everything."""
    done = subprocess.run([LLMOPS, "sync"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def lake_of(config: Path, home: Path) -> Lake:
    """The lake that `with_home` makes commands work on."""
    settings = Settings.load(config)
    return Lake.open(settings.model_copy(update={"home": home}).lake_catalog)


def state_of(lake: Lake) -> State:
    """Rows and a digest of the contents of every table, less what only says who wrote them."""
    with lake.reader(lake.tables()) as connection:
        state = {}
        for table in sorted(set(lake.tables()) - HISTORIES):
            hidden = ABOUT_THE_RUN.get(table, set())
            columns = [row[0] for row in connection.execute(f"describe lake.{table}").fetchall()]
            shown = ", ".join(column for column in columns if column not in hidden)
            row = connection.execute(
                "select count(*), coalesce(md5(string_agg(row::varchar, chr(10) order by row::varchar)), '') "
                f"from (select {shown} from lake.{table}) as row"
            ).fetchone()
            assert row is not None
            state[table] = row
    return state


def differing(before: State, after: State) -> dict[str, tuple[object, object]]:
    """Tables whose contents differ, with rows and digest of both."""
    return {
        table: (before.get(table), after.get(table))
        for table in sorted(before.keys() | after.keys())
        if before.get(table) != after.get(table)
    }
