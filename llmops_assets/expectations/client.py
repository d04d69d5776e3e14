"""The parent's side of the process that judges: started early, asked once per suite, replaced when it dies.

Belongs here: the process's life and its errors. A failure of the process or of the library is an
`ExpectationsError` that names suite and expectation, never a failed expectation.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORKER = "llmops_assets.expectations.worker"
WORDS_SHOWN = 600
ENVIRONMENT = {"GX_ANALYTICS_ENABLED": "false", "PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1"}


class ExpectationsError(Exception):
    """Great Expectations could not judge; says which suite and what to do. No data failed."""


class _Worker:
    """One process, asked one thing at a time."""

    def __init__(self) -> None:
        requests, answers = os.pipe(), os.pipe()
        self.asks, self.answers, theirs = requests[1], answers[0], (requests[0], answers[1])
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(  # noqa: S603 - this very interpreter and a module of ours
            [sys.executable, "-m", WORKER],
            stdin=theirs[0],
            stdout=theirs[1],
            stderr=self.said,
            env=os.environ | ENVIRONMENT,
        )
        for end in theirs:
            os.close(end)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer. Raises `ExpectationsError` if there is none within `seconds`."""
        try:
            os.write(self.asks, json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._line(seconds))
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            why = self._end(error)
            close()
            raise ExpectationsError(_no_answer(request["suite"], why)) from error
        return answer

    def _line(self, seconds: float) -> bytes:
        until, read = time.monotonic() + seconds, b""
        while not read.endswith(b"\n"):
            if not select.select([self.answers], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError(f"no answer within {seconds:g} s (quality.timeout_seconds)")
            part = os.read(self.answers, 65536)
            if not part:
                raise EOFError
            read += part
        return read

    def _end(self, error: Exception) -> str:
        """Why there is no answer."""
        if isinstance(error, TimeoutError):
            return str(error)
        self.process.wait()
        self.said.seek(0)
        words = self.said.read().decode(errors="replace").strip()[-WORDS_SHOWN:]
        return f"its process ended with code {self.process.returncode}" + (f": {words}" if words else "")

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for end in (self.asks, self.answers):
            os.close(end)
        self.said.close()


_workers: list[_Worker] = []
_one_at_a_time = threading.Lock()


def warm_up() -> None:
    """Start the process, unless it runs: it imports the library while the caller goes on. Returns at once."""
    with _one_at_a_time:
        _running()


def judge(suite: str, frame: Path, names: Sequence[str], seconds: float) -> dict[str, list[int]]:
    """The numbers of the rows of `frame` that fail, by expectation.

    Raises:
        ExpectationsError: the process died or is too slow, or evaluating an expectation raised.
    """
    request = {"suite": suite, "frame": str(frame), "names": list(names)}
    with _one_at_a_time:
        answer = _running().ask(request, seconds)
    if "broken" in answer:
        raise ExpectationsError(_no_answer(suite, answer["broken"]))
    for name, message in sorted(answer["raised"].items()):
        raise ExpectationsError(_no_answer(f"{suite}, expectation {name}", message))
    failed: dict[str, list[int]] = answer["failed"]
    return failed


def _running() -> _Worker:
    if not (_workers and _workers[0].alive):
        close()
        _workers.append(_Worker())
    return _workers[0]


def close() -> None:
    """End the process, if there is one."""
    while _workers:
        _workers.pop().close()


atexit.register(close)


def _no_answer(where: str, why: str) -> str:
    return (
        f"Great Expectations could not judge suite {where}: {why}. This says nothing about the data. "
        "Run it again; if it stays so, set quality.enabled = false and report it"
    )
