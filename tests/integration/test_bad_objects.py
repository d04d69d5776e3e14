"""Objects that are broken as a whole: each makes one clear entry in the ledger, and the others go on."""

import gzip
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from intake_site import TEN, Site

from llmops_assets.lake import Lake
from llmops_assets.settings import IngestSettings, Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import LEDGER
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration

CALL = {"timestamp": "2026-11-01T10:30:00Z", "model": "gpt-4o", "input_tokens": 9, "output_tokens": 2}
LONG = 200 * 2**20


def lines(count: int) -> bytes:
    return "".join(json.dumps(CALL | {"event_id": f"{count}-{n}"}) + "\n" for n in range(count)).encode()


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def put_rows(folder: Path, name: str, **columns: list[Any]) -> None:
    pq.write_table(pa.table(columns), folder / name)


def put_long_line(folder: Path, name: str) -> None:
    """A call, a line of 200 MB and another call, without holding it."""
    with (folder / name).open("wb") as file:
        file.write(lines(1) + b'{"event_id": "')
        for _ in range(LONG // 2**20):
            file.write(b"x" * 2**20)
        file.write(b'"}\n' + lines(1).replace(b'"1-0"', b'"1-1"'))


def put_bomb(folder: Path, name: str) -> None:
    """A call and 80 MiB of blank lines, in about 80 kB."""
    with gzip.open(folder / name, "wb", compresslevel=1) as file:
        file.write(lines(1))
        for _ in range(80):
            file.write(b"\n" * 2**20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine broken objects and a good one."""
    folder = tmp_path / "in"
    folder.mkdir()
    put_long_line(folder, "a-long.ndjson")
    put_bomb(folder, "b-bomb.ndjson.gz")
    put(folder, "c-cut.ndjson.gz", gzip.compress(os.urandom(2**17).hex().encode() + b"\n" + lines(3))[:-40])
    frames = zstandard.ZstdCompressor().compress(lines(2)), zstandard.ZstdCompressor().compress(lines(500))
    put(folder, "d-cut.ndjson.zst", frames[0] + frames[1][:-20])
    counts = {"input_tokens": [9, 9], "output_tokens": [2, 2]}
    put_rows(folder, "e-lacks-time.parquet", event_id=["e1", "e2"], model=["gpt-4o"] * 2, **counts)
    times = {"timestamp": ["2026-11-01T10:30:00Z"] * 2, "model": ["gpt-4o"] * 2}
    put_rows(folder, "f-mistyped.parquet", event_id=["f1", "f2"], **times, input_tokens=["nine", "9"])
    put(
        folder,
        "g-other-header.csv",
        b"when,which,how_many\n2026-11-01T10:30:00Z,gpt-4o,9\n2026-11-01T10:31:00Z,gpt-4o,9\n",
    )
    put(folder, "h-shifted.csv", b"event_id,timestamp,model,input_tokens\nh1,2026-11-01T10:30:00Z,gpt-4o,9,1\n"
        b"h2,2026-11-01T10:30:00Z,gpt-4o,9\n")  # fmt: skip
    latin = json.dumps(CALL | {"event_id": "i1", "tenant_id": "søk"}, ensure_ascii=False).encode("latin-1")
    put(folder, "i-latin.ndjson", latin + b"\n" + lines(1))
    put(folder, "j-good.ndjson", lines(4))
    for file in folder.iterdir():
        os.utime(file, ((TEN + timedelta(minutes=30)).timestamp(),) * 2)
    return folder


class Bounded(Site):
    """A site that takes a stream of 100 times its size for a bomb."""

    @property
    def settings(self) -> Settings:
        ingest = IngestSettings(batch_bytes=2**20, max_compression_ratio=100)
        return Settings(home=self.home, source=(self.source,), ingest=ingest)


def test_each_broken_object_makes_one_clear_entry_and_the_others_go_on(
    lake: Lake, tmp_path: Path, folder: Path
) -> None:
    site = Bounded(lake, tmp_path, SourceSettings(name="calls", uri=str(folder)))
    site.refresh(Window(TEN, TEN + HOUR))
    entries = site.rows(
        "select parse_filename(uri), accepted, rejects, records - accepted - rejected, failure "
        f"from lake.{LEDGER} where uri is not null order by uri"
    )
    assert entries == [
        ("a-long.ndjson", 2, {"line_too_long": 1}, 0, None),
        ("b-bomb.ndjson.gz", 1, {"decompression_error": 1}, 0, None),
        ("c-cut.ndjson.gz", 0, {"decompression_error": 1, "malformed_json": 1}, 0, None),
        ("d-cut.ndjson.zst", 2, {"decompression_error": 1}, 0, None),
        ("e-lacks-time.parquet", 0, {"missing_timestamp": 2}, 0, None),
        ("f-mistyped.parquet", 1, {"bad_type": 1}, 0, None),
        ("g-other-header.csv", 0, {"unknown_format": 2}, 0, None),
        ("h-shifted.csv", 1, {"malformed_json": 1}, 0, None),
        ("i-latin.ndjson", 1, {"bad_encoding": 1}, 0, None),
        ("j-good.ndjson", 4, {}, 0, None),
    ]
    assert not site.is_due()
