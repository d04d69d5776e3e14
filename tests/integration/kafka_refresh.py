"""Refreshes of a topic in processes of their own, some of them killed: `kafka_refresh.py SERVERS TOPIC HOME`.

Every line of the input is a number of seconds. A child that has everything imported is forked, refreshes, and is
killed when so long has passed; the answer is how long it lived, and its exit code. Forking spares each of
them the seconds that imports take; this process itself makes no client, whose threads a fork would not take along.
"""

import os
import signal
import sys
import time
import traceback
from pathlib import Path

import confluent_kafka.admin  # noqa: F401 - so that no child has to import it
from kafka_broker import Broker
from kafka_records import Pipeline

from llmops_assets.lake import Lake
from llmops_assets.settings import CatalogSettings


def pipeline(servers: str, topic: str, home: Path) -> Pipeline:
    """The pipeline of a topic with its lake under `home`."""
    return Pipeline(Broker(servers), Lake.open(CatalogSettings().resolved(home)), home, topic)


def _child(servers: str, topic: str, home: str) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            pipeline(servers, topic, Path(home)).refresh()
            code = 0
        except Exception:  # noqa: BLE001 - whatever it is, it is shown and the exit code tells of it
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def _ended(pid: int, seconds: float) -> tuple[float, int]:
    """How long the child lived, and its exit code: of one killed after so many seconds, the signal's with a minus."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return time.monotonic() - begun, os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return time.monotonic() - begun, os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    for line in sys.stdin:
        lived, code = _ended(_child(*sys.argv[1:]), float(line))
        sys.stdout.write(f"{lived} {code}\n")
        sys.stdout.flush()
