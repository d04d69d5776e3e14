"""Every record of the real data has one outcome, and the one that its description lets expect.

What is inside of other files is taken out first, as its description says: bodies of stored objects, recorded
replies with the time of their request, examples of an API's answers.
"""

import gzip
import itertools
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from recorded_bodies import recorded

from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.trial import Trial

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LOAD_SHAPES = ("azure_llm_2023_code.csv.gz", "llmperf_individual.jsonl.gz", "servegen_client_rate_windows.csv.gz")
ROWS_OF_A_SHAPE = 10_000
"""Of the longest file the first ones: all are of one shape."""

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.integration,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real records in shared/data are not on this machine"),
]


def _outcomes(*files: Path) -> Counter[tuple[str | None, str, str | None]]:
    """How many records of the files became what: format, outcome and reason."""
    tried = Trial(SourceBase(name="files"), Settings()).outcomes(files)
    return Counter((one.format, one.outcome, one.reason) for one in tried)


def _written(file: Path, records: Iterable[object]) -> Path:
    file.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")
    return file


def test_calls_are_calls() -> None:
    assert _outcomes(DATA / "litellm" / "standard_logging_payloads.ndjson") == {
        ("litellm_payload", "accepted", None): 72
    }
    assert _outcomes(DATA / "otel_genai", DATA / "other_formats" / "langfuse_sdk_otlp.jsonl") == {
        ("otlp_spans", "accepted", None): 35,
        ("otlp_spans", "not_a_call", None): 32,
        ("langfuse_otlp", "accepted", None): 10,
    }
    assert _outcomes(DATA / "aider_message_send.jsonl.gz") == {("aider_analytics", "accepted", None): 5_522}


def test_bodies_of_stored_objects_are_payloads(tmp_path: Path) -> None:
    objects = (DATA / "litellm" / "s3_objects.ndjson").read_text("utf-8").splitlines()
    for number, line in enumerate(objects):
        (tmp_path / f"{number:02}.ndjson").write_text(json.loads(line)["body"], encoding="utf-8")
    assert _outcomes(tmp_path) == {("litellm_payload", "accepted", None): 34}


def test_recorded_replies_are_calls_once_they_have_a_time(tmp_path: Path) -> None:
    wrapped = _written(tmp_path / "replies.ndjson", (one.wrapped for one in recorded()))
    assert _outcomes(wrapped) == {("provider_reply", "accepted", None): 789}
    assert _outcomes(DATA / "provider_usage_bodies.jsonl.gz") == {(None, "rejected", "unknown_format"): 789}


def test_reports_of_usage_and_costs_are_no_calls(tmp_path: Path) -> None:
    paths = json.loads((DATA / "other_formats" / "openai_usage_costs_api.json").read_text("utf-8"))
    pages = _written(tmp_path / "pages.ndjson", (json.loads(page["example"]) for page in paths.values()))
    assert _outcomes(pages) == {("provider_usage_reports", "report", None): len(paths)}


def test_what_is_no_record_of_a_call_is_refused_whole(tmp_path: Path) -> None:
    files = [DATA / "litellm" / "standard_logging_payloads.index.ndjson"]
    for name in LOAD_SHAPES:
        with gzip.open(DATA / name, "rt", encoding="utf-8") as text:
            files.append(tmp_path / name.removesuffix(".gz"))
            files[-1].write_text("".join(itertools.islice(text, ROWS_OF_A_SHAPE + 1)), encoding="utf-8")
    assert _outcomes(*files) == {(None, "rejected", "unknown_format"): 72 + 8_819 + 2_845 + ROWS_OF_A_SHAPE}
