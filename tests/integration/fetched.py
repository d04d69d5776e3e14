"""What tests fetch or build once and keep in the user's cache: parts of servers, under names that say which."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache() -> Path:
    """The folder that they are kept in."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llmops-tests"


def fetched(name: str, make: Callable[[Path], None]) -> Path:
    """The file or folder of that name in the cache, which `make` makes at the path it is given: whole or not at all."""
    kept = cache() / name
    if not kept.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as half:
            made = Path(half) / "made"
            make(made)
            try:
                made.rename(kept)
            except OSError:  # another test run was first
                assert kept.exists()
    return kept
