"""The refresh of one source's hour on a fresh lake, in a process of its own: what benchmarks of sources time.

`python -m benchmarks.taking_in JOB` prints what it took as JSON; `measured` calls it so.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

HOUR = datetime(2026, 11, 1, tzinfo=UTC)
"""The arrival hour that is refreshed."""
MEMORY_LIMIT = "1GB"


def measured(name: str, source: dict[str, Any], work: Path, at: datetime = HOUR) -> dict[str, Any]:
    """Take in `source` at that time; seconds of both kinds, records, and most memory held."""
    home = work / "home"
    shutil.rmtree(home, ignore_errors=True)
    job = json.dumps({"home": str(home), "source": source, "at": at.isoformat()})
    command = [sys.executable, "-m", "benchmarks.taking_in", job]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def summary(ones: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several rounds the medians of the times and the most memory; everything else must not differ."""
    if len({json.dumps(one["outcomes"], sort_keys=True) for one in ones}) > 1 or any(one["failures"] for one in ones):
        raise SystemExit(f"the rounds differ, or objects could not be read: {ones}")
    times = {name: round(median(one[name] for one in ones), 2) for name in ones[0] if name.endswith("seconds")}
    peak = max(one["peak_mib"] for one in ones)
    return ones[0] | times | {"all": [one["seconds"] for one in ones], "peak_mib": peak}


def _taken_in(job: dict[str, Any]) -> dict[str, Any]:
    from llmops_assets.ingest import refresh
    from llmops_assets.ingest.refresh import Run
    from llmops_assets.lake import Lake
    from llmops_assets.settings import DuckdbSettings, Settings
    from llmops_assets.windows import hour_window

    home = Path(job["home"])
    duckdb = DuckdbSettings(memory_limit=MEMORY_LIMIT, threads=2)
    settings = Settings(home=home, source=(job["source"],), duckdb=duckdb)
    (source,) = settings.source
    lake, run = Lake.open(settings.lake_catalog), Run("run", datetime.fromisoformat(job["at"]), home / "scratch")
    used, began = _used(), time.monotonic()
    report = refresh(lake, settings, source, hour_window(HOUR), run)
    seconds = time.monotonic() - began
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(_used() - used, 2),
        "objects": report.objects,
        "outcomes": report.outcomes,
        "failures": len(report.failures),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    print(json.dumps(_taken_in(json.loads(sys.argv[1]))))
