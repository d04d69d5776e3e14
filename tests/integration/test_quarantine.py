"""What is kept of records that are rejected, from the object to the files of the lake."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stored import files_with, tables_with

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import IngestSettings, Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import RAW
from llmops_assets.windows import HOUR, hour_window

pytestmark = pytest.mark.integration

ARRIVAL_HOUR = datetime(2026, 11, 1, 10, tzinfo=UTC)
CALL = {"event_id": "a", "timestamp": "2026-11-01T10:05:00Z", "model": "gpt-4o", "tenant": "acme", "input_tokens": 7}
TRUNCATED = '{"event_id": "b", "messages": [{"content": "the truncated question'
NO_OBJECT = json.dumps("the answer that is no object")
BAD_TYPE = json.dumps(CALL | {"event_id": "c", "input_tokens": "many", "prompt": "the well-formed question"})
UNKNOWN = json.dumps({"kind": "note", "text": "the note of no format"})
ACCEPTED = json.dumps(CALL | {"prompt": "the accepted question"})
LINES = (ACCEPTED, TRUNCATED, NO_OBJECT, BAD_TYPE, UNKNOWN)
# What makes no sense as UTF-8 keeps nothing at all.
NOT_TEXT = b'{"event_id": "d", "prompt": "the question in Latin-1: h\xe6"}'
UNREADABLE = "the truncated question"
CONTENTS = {
    "the answer that is no object",
    "the well-formed question",
    "the note of no format",
    "the accepted question",
    "the question in Latin-1",
}


def _taken_in(folder: Path, *, keep_bytes: bool) -> Lake:
    """A lake under `folder`/home that took in the lines with this setting."""
    file = folder / "arrivals" / "calls.ndjson"
    file.parent.mkdir()
    file.write_bytes("\n".join(LINES).encode() + b"\n" + NOT_TEXT + b"\n")
    os.utime(file, ((ARRIVAL_HOUR + HOUR / 2).timestamp(),) * 2)
    source = SourceSettings(name="calls", uri=str(file.parent))
    ingest = IngestSettings(quarantine_keep_bytes=keep_bytes)
    settings = Settings(home=folder / "home", source=(source,), ingest=ingest)
    lake = Lake.open(settings.lake_catalog)
    run = Run("test", ARRIVAL_HOUR + 2 * HOUR, settings.scratch / "test")
    report = refresh(lake, settings, source, hour_window(ARRIVAL_HOUR), run)
    assert report.outcomes == {"accepted": 1, "rejected": 5}
    reasons = {"malformed_json", "not_an_object", "bad_type", "unknown_format", "bad_encoding"}
    assert report.rejects == dict.fromkeys(reasons, 1)
    return lake


def _rejected(lake: Lake) -> dict[str, tuple[str | None, int, str]]:
    """Payload, length and hash of each reject by its reason."""
    with lake.reader([RAW]) as connection:
        rows = connection.execute(
            f"select reject_reason, payload, payload_bytes, payload_sha256 from lake.{RAW} where outcome = 'rejected'"
        ).fetchall()
    return {reason: (payload, size, digest) for reason, payload, size, digest in rows}


def test_of_a_malformed_line_only_length_and_hash_reach_the_lake(tmp_path: Path) -> None:
    lake = _taken_in(tmp_path, keep_bytes=False)
    payload, size, digest = _rejected(lake)["malformed_json"]
    assert (payload, size, digest) == (None, len(TRUNCATED), hashlib.sha256(TRUNCATED.encode()).hexdigest())
    assert tables_with({UNREADABLE, *CONTENTS}, lake) == {}
    assert files_with({UNREADABLE, *CONTENTS}, tmp_path / "home") == {}


def test_the_text_of_a_malformed_line_is_kept_on_request_and_nothing_else(tmp_path: Path) -> None:
    lake = _taken_in(tmp_path, keep_bytes=True)
    kept = _rejected(lake)
    assert kept["malformed_json"] == (TRUNCATED, len(TRUNCATED), hashlib.sha256(TRUNCATED.encode()).hexdigest())
    assert tables_with({UNREADABLE, *CONTENTS}, lake) == {RAW: {UNREADABLE}}
    assert {text for found in files_with({UNREADABLE, *CONTENTS}, tmp_path / "home").values() for text in found} == {
        UNREADABLE
    }
    assert kept["bad_encoding"][0] is None
    redacted = json.loads(kept["bad_type"][0] or "")
    assert redacted["input_tokens"] == "many"
    # "the well-formed question" has 24 characters.
    assert redacted["prompt"] == {
        "length": 24,
        "sha256": hashlib.sha256(b"the well-formed question").hexdigest(),
    }
