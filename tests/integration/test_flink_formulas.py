"""The Flink job's columns and formulas on calls in its own shape, with results worked out by hand."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from seed_pipeline import publish_calls, rows_of

HOUR = datetime(2025, 3, 12, 14, tzinfo=UTC)
COLUMNS = (
    "window_start",
    "window_end",
    "tenant_id",
    "provider",
    "model",
    "cache_hit_rate",
    "avg_tokens_input",
    "avg_tokens_output",
    "total_requests",
    "total_cost_usd",
    "avg_latency_ms",
    "error_rate",
)
SHAPE = (
    "tenant_id",
    "provider",
    "model",
    "event_type",
    "cache_hit",
    "tokens_input",
    "tokens_output",
    "latency_ms",
    "cost_usd",
    "success",
    "timestamp",
)
CALLS: tuple[tuple[Any, ...], ...] = (
    # acme, first quarter: 1 hit of 4; input 100 + 101 + 103 = 304 over 3, output 20 + 21 + 22 = 63 over 3;
    # cost 0.0035 + 0.004 = 0.0075; latency 120 + 800 + 900 + 3000 = 4820 over 4; 1 failure of 4.
    ("acme", "openai", "gpt-4o", "completion", True, 100, 20, 120, 0.0, True, "2025-03-12 14:00:00.000"),
    ("acme", "openai", "gpt-4o", "completion", False, 101, 21, 800, 0.0035, True, "2025-03-12 14:03:10.500"),
    ("acme", "openai", "gpt-4o", "completion", None, 103, 22, 900, 0.004, True, "2025-03-12 14:14:59.999"),
    ("acme", "openai", "gpt-4o", "completion", False, None, None, 3000, None, False, "2025-03-12 14:07:00.000"),
    # acme, second quarter: a window starts with its first instant. An unknown outcome is no failure.
    ("acme", "openai", "gpt-4o", "completion", False, 7, 3, 250, 0.001, None, "2025-03-12 14:15:00.000"),
    # globex names neither provider nor model.
    ("globex", None, None, "completion", False, 10, 5, 40, 0.0002, True, "2025-03-12 14:59:59.999"),
    ("globex", None, None, "completion", True, 10, 5, 20, 0.0, False, "2025-03-12 14:45:00.000"),
)


def _at(minute: int) -> datetime:
    return datetime(2025, 3, 12, 14 + minute // 60, minute % 60, tzinfo=UTC)


EXPECTED = [
    (_at(0), _at(15), "acme", "openai", "gpt-4o", 0.25, 304 / 3, 21.0, 4, Decimal("0.0075"), 1205.0, 0.25),
    (_at(15), _at(30), "acme", "openai", "gpt-4o", 0.0, 7.0, 3.0, 1, Decimal("0.001"), 250.0, 0.0),
    (_at(45), _at(60), "globex", "unknown", "unknown", 0.5, 10.0, 5.0, 2, Decimal("0.0002"), 30.0, 0.5),
]


@pytest.mark.integration
def test_the_flink_jobs_formulas_hold(tmp_path: Path) -> None:
    lake = publish_calls(tmp_path / "home", _written(tmp_path), [HOUR])
    found = rows_of(lake, "llm_operations_metrics", COLUMNS)
    assert found == EXPECTED


@pytest.mark.integration
def test_averages_keep_the_fraction_that_flinks_integer_average_cuts_off(tmp_path: Path) -> None:
    lake = publish_calls(tmp_path / "home", _written(tmp_path), [HOUR])
    ((average,), *_) = rows_of(lake, "llm_operations_metrics", ["avg_tokens_input"])[::-1]
    assert average == pytest.approx(101.333333)
    assert int(average) == 101


def _written(folder: Path) -> Path:
    file = folder / "llm-ops.ndjson"
    records = (dict(zip(SHAPE, call, strict=True)) for call in CALLS)
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file
