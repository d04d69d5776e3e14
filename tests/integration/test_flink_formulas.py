"""The Flink job's columns and formulas on calls in its own shape, with results worked out by hand.

The calls are `tests/fixtures/flink/llm-ops.ndjson`, in the job's eleven columns.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from seed_pipeline import FLINK, published_seeds, rows_of

from llmops_assets.lake import Lake

pytestmark = pytest.mark.integration

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


def _at(minute: int) -> datetime:
    return FLINK + timedelta(minutes=minute)


EXPECTED: list[tuple[Any, ...]] = [
    # 1 hit of 4, an unknown one is none; input 100 + 101 + 103 = 304 over 3, output 20 + 21 + 22 = 63 over 3;
    # cost 0.0035 + 0.004 = 0.0075; latency 120 + 800 + 900 + 3000 = 4820 over 4; 1 failure of 4.
    (_at(0), _at(15), "acme", "openai", "gpt-4o", 0.25, 304 / 3, 21.0, 4, Decimal("0.0075"), 1205.0, 0.25),
    # A window starts with its first instant. An unknown outcome is no failure.
    (_at(15), _at(30), "acme", "openai", "gpt-4o", 0.0, 7.0, 3.0, 1, Decimal("0.001"), 250.0, 0.0),
    # These calls name neither provider nor model.
    (_at(45), _at(60), "globex", "unknown", "unknown", 0.5, 10.0, 5.0, 2, Decimal("0.0002"), 30.0, 0.5),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return published_seeds(tmp_path_factory.getbasetemp() / "seeds")


def test_the_flink_jobs_formulas_hold(lake: Lake) -> None:
    assert rows_of(lake, "llm_operations_metrics", COLUMNS, FLINK) == EXPECTED


def test_averages_keep_the_fraction_that_flinks_integer_average_cuts_off(lake: Lake) -> None:
    average, tokens, calls = rows_of(
        lake, "llm_operations_metrics", ["avg_tokens_input", "tokens_input", "requests_with_tokens_input"], FLINK
    )[-1]
    assert (tokens, calls) == (304, 3)
    assert average == pytest.approx(101.333333)
    assert int(average) == tokens // calls == 101
