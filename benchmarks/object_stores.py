"""Taking in from a real S3 server against the same objects in a local folder, in one run on one machine.

    python -m benchmarks.object_stores

Twenty objects of 20 MB, 2,000 gzip objects of 100 lines, and both with 25 ms added to every request; with
`--huge 5` also one object of 5 GB, for its memory. Only the refresh is timed, in a process of its own on a fresh
lake; what is reported is the median of the rounds.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate_load import generate_load
from benchmarks.taking_in import measured, summary

SERVERS = Path(__file__).resolve().parents[1] / "tests" / "integration"
RESULTS = Path(__file__).parent / "object_stores.json"
PREFIX = "2026-11-01/00"
LARGE, LARGE_BYTES = 20, 20_000_000
SMALL, SMALL_LINES = 2_000, 100
LOAD_LINES = 1_250_000
AIMS = {"large": 0.8, "small": 0.6, "large, 25 ms": 0.5, "small, 25 ms": 0.5}


@dataclass(frozen=True)
class Case:
    """Objects of one kind, read from a folder or through an endpoint."""

    name: str
    kind: str
    endpoint: str | None = None


def write_objects(work: Path) -> None:
    """The objects of both kinds, below folders of their names."""
    generate_load(work / "load", LOAD_LINES, threads=2)
    lines = _lines(work / "load")
    for number in range(SMALL):
        content = b"".join(next(lines) for _ in range(SMALL_LINES))
        _write(work / "small" / PREFIX / f"{number:04}.ndjson.gz", gzip.compress(content, 6, mtime=0))
    for number in range(LARGE):
        parts: list[bytes] = []
        size = 0
        while size < LARGE_BYTES:
            parts.append(next(lines))
            size += len(parts[-1])
        _write(work / "large" / PREFIX / f"{number:04}.ndjson", b"".join(parts))
    shutil.rmtree(work / "load")


def _lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.ndjson")):
        with path.open("rb") as file:
            yield from file


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_huge(work: Path, gigabytes: float) -> None:
    """One object, of lines of the large ones with messages of 8 kB, as gateways log them."""
    target = work / "huge" / PREFIX / "0000.ndjson"
    target.parent.mkdir(parents=True)
    messages = b'{"messages":"' + b"lorem ipsum " * 700 + b'",'
    lines = _lines(work / "large")
    with target.open("wb") as file:
        while file.tell() < gigabytes * 1e9:
            line = next(lines)
            file.write(messages + line[1:] if line.startswith(b"{") else line)


def taken_in(case: Case, work: Path, bucket: str) -> dict[str, Any]:
    """What taking in a case took."""
    source = {"name": "calls", "layout": "%Y-%m-%d/%H/", "uri": str(work / case.kind)}
    if case.endpoint:
        source |= {"uri": f"s3://{bucket}/{case.kind}", "endpoint": case.endpoint, "region": "us-east-1"}
        source |= {"access_key_id_env": "BENCH_KEY", "secret_access_key_env": "BENCH_SECRET"}
    return measured(case.name, source, work)


@contextmanager
def slowed(endpoint: str, milliseconds: int) -> Iterator[str]:
    """A proxy, in a process of its own, that adds so much to every request."""
    command = [sys.executable, "-m", "benchmarks.object_stores", "--proxy", endpoint, str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def _serve_proxy(endpoint: str, milliseconds: int) -> None:
    from faulty_proxy import in_front_of  # type: ignore[import-not-found]

    with in_front_of(endpoint) as proxy:
        proxy.latency_s = milliseconds / 1000
        print(proxy.endpoint, flush=True)
        threading.Event().wait()


def run(work: Path, rounds: int, huge: float) -> dict[str, Any]:
    """All cases, each in every round, and what came of them."""
    from s3_server import READ, running  # type: ignore[import-not-found]

    write_objects(work)
    if huge:
        write_huge(work, huge)
    with running(work / "server") as server:
        client, bucket = server.client(), "bench"
        client.create_bucket(Bucket=bucket)
        for kind in ("small", "large", *(["huge"] if huge else [])):
            for path in sorted((work / kind).rglob("*.ndjson*")):
                client.upload_file(str(path), bucket, f"{kind}/{path.relative_to(work / kind).as_posix()}")
        user = server.create_user()
        server.allow(bucket, user, READ)
        os.environ |= {"BENCH_KEY": user.access, "BENCH_SECRET": user.secret}
        with slowed(server.endpoint, 25) as slow:
            cases = [
                case
                for kind in ("large", "small")
                for case in (
                    Case(f"{kind}, folder", kind),
                    Case(kind, kind, server.endpoint),
                    Case(f"{kind}, 25 ms", kind, slow),
                )
            ]
            found: dict[str, list[dict[str, Any]]] = {case.name: [] for case in cases}
            for _ in range(rounds):
                for case in cases:
                    found[case.name].append(taken_in(case, work, bucket))
                    print(case.name, found[case.name][-1], file=sys.stderr, flush=True)
        results = {name: summary(ones) for name, ones in found.items()}
        if huge:
            results["huge"] = taken_in(Case("huge", "huge", server.endpoint), work, bucket)
    return results


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """Speed of each case over that of the same objects in a folder."""
    folder = {kind: results[f"{kind}, folder"] for kind in ("large", "small")}
    for name in AIMS:
        if results[name]["outcomes"] != folder[name.partition(",")[0]]["outcomes"]:
            raise SystemExit(f"{name}: other records than from the folder")
    return {name: round(folder[name.partition(",")[0]]["seconds"] / results[name]["seconds"], 2) for name in AIMS}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--huge", type=float, default=0, help="GB of one more object")
    parser.add_argument("--proxy", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(SERVERS))
    if arguments.proxy:
        _serve_proxy(arguments.proxy[0], int(arguments.proxy[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="llmops-benchmark-") as work:
            results = run(Path(work), arguments.rounds, arguments.huge)
        document = {"ratios": ratios(results), "aims": AIMS, "cpus": os.cpu_count(), "results": results}
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(document["ratios"], indent=2))


if __name__ == "__main__":
    main()
