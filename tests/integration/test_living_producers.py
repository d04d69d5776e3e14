"""What litellm, OpenTelemetry's instrumentations and the Langfuse SDK write today, decoded and priced.

They run in an environment of their own (`make producers`) against a provider on the loopback, whose usage is in
`tests/producers/provider.py`.
"""

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.trial import Trial, Tried

ROOT = Path(__file__).parents[2]
PRODUCERS = ROOT / "tests" / "producers"
PYTHON = ROOT / ".venv-producers" / "bin" / "python"
SHOWN = ("provider", "model", "status", "tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_output")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not PYTHON.exists(), reason="no real producers here: run make producers"),
]


def _records_of(tmp_path: Path, script: str, *arguments: str) -> list[Tried]:
    """What becomes of the records that a producer writes."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(PRODUCERS)}
    made = subprocess.run(
        [str(PYTHON), str(PRODUCERS / script), *arguments],
        capture_output=True,
        check=False,
        env=environment,
        timeout=300,
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr.decode()
    assert made.stdout.strip(), made.stderr.decode()
    file = tmp_path / "records.ndjson"
    file.write_bytes(made.stdout)
    return list(Trial(SourceBase(name="files"), Settings(home=tmp_path)).outcomes([file]))


def _shown(tried: list[Tried]) -> list[tuple[Any, ...]]:
    """Of each call what the tests look at, in an order of its own."""
    calls = (one.event for one in tried if one.event is not None)
    return sorted((tuple(event[name] for name in SHOWN) for event in calls), key=str)


def test_litellms_payloads(tmp_path: Path) -> None:
    tried = _records_of(tmp_path, "litellm_calls.py")
    assert {(one.format, one.outcome) for one in tried} == {("litellm_payload", "accepted")}
    assert _shown(tried) == [
        # Anthropic's 20 beside 1,000 read and 300 written are 1,320 in.
        ("anthropic", "claude-sonnet-4-5-20250929", "success", 1320, 1000, 300, 60),
        ("openai", "broken", "error", None, None, None, None),
        ("openai", "gpt-4o-mini", "success", 10, None, None, 20),
        # Of a stream, litellm knows the model only by the name that was asked for.
        ("openai", "gpt-4o-mini", "success", 1500, 1400, None, 100),
        ("openai", "gpt-4o-mini-2024-07-18", "success", 1500, 1400, None, 100),
    ]
    chat = next(one.event for one in tried if one.event and one.event["tokens_input"] == 1500)
    # 100 at 0.15, 1,400 cached at 0.075 and 100 at 0.60 US dollars a million.
    assert chat["list_cost_usd"] == Decimal("0.000180000000")


@pytest.mark.parametrize("ids", [(), ("--hex",)], ids=["protobuf JSON", "OTLP/JSON"])
def test_spans_of_opentelemetrys_instrumentations(tmp_path: Path, ids: tuple[str, ...]) -> None:
    tried = _records_of(tmp_path, "otel_calls.py", *ids)
    assert {one.format for one in tried} == {"otlp_spans"}
    assert sorted(one.outcome for one in tried) == ["accepted"] * 5 + ["not_a_call"]
    assert _shown(tried) == [
        ("anthropic", "claude-sonnet-4-5-20250929", "success", 1320, 1000, 300, 60),
        # The instrumentation of OpenAI tells of no cache.
        ("openai", "gpt-4o-mini-2024-07-18", "success", 1500, None, None, 100),
        ("openai", "gpt-4o-mini-2024-07-18", "success", 1500, None, None, 100),
        ("openai", "text-embedding-3-small", "success", 7, None, None, None),
        # What failed was served by no model, and `broken` is none that is known.
        ("openai", None, "error", None, None, None, None),
    ]
    events = [one.event for one in tried if one.event is not None]
    assert {event["tenant_id"] for event in events} == {"acme"}
    (failed,) = (event for event in events if event["status"] == "error")
    assert (failed["error_type"], failed["status_code"]) == ("rate_limit", 429)
    unreported = [event for event in events if "cached_tokens_unreported" in event["flags"]]
    assert sorted(event["event_id"].split("|")[-1] for event in unreported) == ["chatcmpl-1", "chatcmpl-2"]
    assert len({event["event_id"] for event in events}) == 5


def test_spans_of_the_langfuse_sdk(tmp_path: Path) -> None:
    tried = _records_of(tmp_path, "langfuse_calls.py")
    assert sorted((one.format, one.outcome) for one in tried) == [
        ("langfuse_otlp", "accepted"),
        ("langfuse_otlp", "accepted"),
        ("langfuse_otlp", "accepted"),
        ("langfuse_otlp", "not_a_call"),
    ]
    assert _shown(tried) == [
        # By hand: `input` does not include the cache.
        ("anthropic", "claude-sonnet-4-5-20250929", "success", 1320, 1000, 300, 60),
        ("openai", "gpt-4o-mini-2024-07-18", "success", 1500, 1400, None, 100),
        ("openai", "gpt-4o-mini-2024-07-18", "success", 1500, 1400, None, 100),
    ]
    (by_hand,) = (one.event for one in tried if one.event and one.event["provider"] == "anthropic")
    assert (by_hand["reported_cost_usd"], by_hand["reported_cost_kind"]) == (Decimal("0.0042"), "estimated")


def test_nothing_that_was_said_is_in_what_is_kept(tmp_path: Path) -> None:
    for script in ("litellm_calls.py", "otel_calls.py", "langfuse_calls.py"):
        kept = json.dumps([one.event for one in _records_of(tmp_path, script)], default=str, ensure_ascii=False)
        assert "Hej" not in kept, script
