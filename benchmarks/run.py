"""The benchmark: the platform against one hand-written script, same records, same machine, one run.

    python -m benchmarks.run --events 200000 --events 2000000

For each size: a load is written (not timed), the script and a cold `llmops sync` on a fresh home are timed,
their tables compared, 10,000 calls of the last hour added, and a cold `llmops sync` timed again.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.compare import check_equal, platform_tables, script_tables
from benchmarks.generate_load import append_load, generate_load
from benchmarks.measure import Measured, measure
from llmops_assets.prices import current_version
from llmops_assets.prices.book import BOOKS

RESULTS = Path(__file__).parent / "results.json"
NEW_EVENTS = 10_000
CONFIG = """\
home = "home"
start = 2026-10-01T00:00:00Z

[duckdb]
memory_limit = "{memory_limit}"
threads = {threads}

# The script makes the same tables and no report.
[reports]
enabled = false

[[source]]
name = "platform"
uri = "records"
layout = "%Y-%m-%d/%H/"
"""


@dataclass(frozen=True)
class Limits:
    """What both sides may use."""

    threads: int = 2
    memory_limit: str = "2GB"


@dataclass(frozen=True)
class Result:
    """What one size took."""

    events: int
    megabytes: float
    script: Measured
    sync: Measured | None
    refresh: Measured | None

    @property
    def ratio(self) -> float | None:
        """Time of the platform over time of the script."""
        return round(self.sync.seconds / self.script.seconds, 2) if self.sync else None


def run_size(events: int, work: Path, limits: Limits, *, with_platform: bool) -> Result:
    """Measure one size in a folder of its own."""
    work.mkdir(parents=True)
    records = work / "records"
    size = generate_load(records, events, threads=limits.threads)
    _read_once(records)
    script = measure(_script_command(records, work / "script", limits), work / "script.log")
    if not with_platform:
        return Result(events, round(size / 1e6, 1), script, None, None)
    env = _environment(work, limits)
    sync = measure([*_llmops(), "sync", "--quiet"], work / "sync.log", env=env)
    check_equal(script_tables(work / "script"), platform_tables(env))
    append_load(records, events, NEW_EVENTS, threads=limits.threads)
    refresh = measure([*_llmops(), "sync", "--quiet"], work / "refresh.log", env=env)
    _check_refreshed(work, limits, env)
    return Result(events, round(size / 1e6, 1), script, sync, refresh)


def _llmops() -> list[str]:
    return [str(Path(sys.executable).parent / "llmops")]


def _script_command(records: Path, out: Path, limits: Limits) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.hand_script", str(records), str(_newest_book()), str(out)),
        *("--threads", str(limits.threads), "--memory-limit", limits.memory_limit),
    ]


def _newest_book() -> Path:
    return BOOKS / f"{current_version()}.csv"


def _environment(work: Path, limits: Limits) -> dict[str, str]:
    """A fresh home, and nothing of the caller's own settings."""
    (work / "llmops.toml").write_text(
        CONFIG.format(threads=limits.threads, memory_limit=limits.memory_limit), encoding="utf-8"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LLMOPS_", "DBT_")) and name != "DAGSTER_HOME"
    }
    return {**kept, "LLMOPS_CONFIG": str(work / "llmops.toml")}


def _read_once(records: Path) -> None:
    """Bring the records into the page cache, so that whoever reads them first pays no more than the second."""
    for path in sorted(records.rglob("*.ndjson")):
        with path.open("rb") as file:
            while file.read(2**24):
                pass


def _check_refreshed(work: Path, limits: Limits, env: dict[str, str]) -> None:
    """The refreshed lake must hold what the script makes of all records, the new ones included."""
    measure(_script_command(work / "records", work / "script-refreshed", limits), work / "script-refreshed.log")
    check_equal(script_tables(work / "script-refreshed"), platform_tables(env))


def markdown(results: list[Result]) -> str:
    """The results as the table of the README."""
    lines = [
        "| events | NDJSON | script | platform | ratio | script's peak memory | platform's | +10,000 events |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        sync, refresh = result.sync, result.refresh
        cells = (
            f"{result.events:,}",
            f"{result.megabytes:,.0f} MB",
            f"{result.script.seconds:.1f} s",
            f"{sync.seconds:.1f} s" if sync else "-",
            f"{result.ratio:.2f}" if result.ratio else "-",
            f"{result.script.peak_mib:,.0f} MiB",
            f"{sync.peak_mib:,.0f} MiB" if sync else "-",
            f"{refresh.seconds:.1f} s" if refresh else "-",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def growth(results: list[Result]) -> list[str]:
    """How time grows from each size to the next."""
    lines = []
    for small, large in pairwise(results):
        times = [("script", small.script, large.script), ("platform", small.sync, large.sync)]
        for name, before, after in times:
            if before and after:
                grown = after.seconds / before.seconds
                lines.append(f"{name}: {large.events / small.events:.1f} x the events, {grown:.1f} x the time")
    return lines


def save(results: list[Result], limits: Limits) -> None:
    """Write `results.json` beside this file, with the machine and the limits."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "limits": asdict(limits),
        "results": [{**asdict(result), "ratio": result.ratio} for result in results],
        "growth": growth(results),
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, action="append", help="a size; may be given several times")
    parser.add_argument("--work", type=Path, help="folder to work in, kept afterwards (default: a temporary one)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="2GB")
    parser.add_argument("--script-only", action="store_true", help="measure the script alone")
    arguments = parser.parse_args()
    limits = Limits(arguments.threads, arguments.memory_limit)
    work = arguments.work or Path(tempfile.mkdtemp(prefix="llmops-benchmark-"))
    results = []
    for events in sorted(arguments.events or [200_000, 2_000_000]):
        print(f"{events:,} events …", file=sys.stderr, flush=True)
        results.append(run_size(events, work / str(events), limits, with_platform=not arguments.script_only))
    print("\n".join([markdown(results), "", *growth(results)]))
    if not arguments.script_only:
        save(results, limits)
    if arguments.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
