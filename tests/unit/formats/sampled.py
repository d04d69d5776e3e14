"""The records of `samples`: valid ones of each format, written by hand after what its producer documents."""

import json
from pathlib import Path

from decoding import Row

FOLDER = Path(__file__).parent / "samples"


def sample(name: str) -> list[Row]:
    """The records of one format, in the order of its file."""
    lines = (FOLDER / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
