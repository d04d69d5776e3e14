"""Running a command as a user would, and seeing how long it took and how much memory it held with its children."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_S = 0.05


class CommandFailed(Exception):
    """A measured command did not end well: its time means nothing."""


@dataclass(frozen=True)
class Measured:
    """Wall-clock seconds, and the largest sum of resident memory seen over the command and its children."""

    seconds: float
    peak_mib: float


def measure(command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> Measured:
    """Run `command`, its output to `log`, and watch it.

    Raises:
        CommandFailed: it ended with another code than 0.
    """
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        peak = _watch(process)
        seconds = time.monotonic() - began
    if process.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
        raise CommandFailed(f"{' '.join(command)} ended with code {process.returncode}; the end of {log}:\n{tail}")
    return Measured(round(seconds, 2), round(peak / 2**20, 1))


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Bytes held at most, sampled until the process ends; memory shared by a process and its child counts twice."""
    watched = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _held(watched))
        time.sleep(INTERVAL_S)
    return peak


def _held(watched: psutil.Process) -> int:
    total = 0
    try:
        family = [watched, *watched.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        try:
            total += member.memory_info().rss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return total
