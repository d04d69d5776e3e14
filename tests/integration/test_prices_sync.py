"""One sync of calls that need names and prices of the site, and what can be asked of it afterwards."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from states import sync
from typer.testing import CliRunner, Result

from llmops_assets.cli import app

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
CONFIG = f"""
home = "home"
[[source]]
name = "gateway"
uri = "calls"
[reports]
enabled = false
[[prices.alias]]
provider = "azure"
name = "chat-prod"
model = "gpt-4o"
valid_to = 2026-11-01T10:30:00Z
[[prices.alias]]
provider = "azure"
name = "chat-prod"
model = "gpt-4o-mini"
valid_from = 2026-11-01T10:30:00Z
[[prices.alias]]
provider = "bedrock"
name = "{PROFILE}"
model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
[[prices.model]]
provider = "vllm"
name = "llama-3.3-70b"
usd_per_million = {{ input_uncached = "0.2", output_text = "0.6" }}
"""
GPT = {"provider": "openai", "model": "gpt-4o"}
CALLS: list[dict[str, Any]] = [
    {"event_id": "before", "minute": 29, "provider": "azure", "model": "chat-prod"},
    {"event_id": "after", "minute": 30, "provider": "azure", "model": "chat-prod"},
    {"event_id": "profile", "provider": "bedrock", "model": PROFILE},
    {"event_id": "own", "provider": "vllm", "model": "llama-3.3-70b"},
    {"event_id": "priced", **GPT, "cached_input_tokens": 400},
    {"event_id": "claimed", **GPT, "cost_usd": "0.75001"},
    {"event_id": "refused", **GPT, "success": False, "status_code": 429, "input_tokens": None, "output_tokens": None},
    {"event_id": "lost-1", "minute": 5, "provider": "vllm", "model": "mixtral-own"},
    {"event_id": "lost-2", "minute": 7, "provider": "vllm", "model": "mixtral-own", "cost_usd": "0.5"},
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A lake with the calls, made by one sync."""

    folder = tmp_path_factory.mktemp("prices")
    (folder / "calls").mkdir()
    (folder / "llmops.toml").write_text(CONFIG, encoding="utf-8")
    with (folder / "calls" / "calls.ndjson").open("w", encoding="utf-8") as file:
        for call in CALLS:
            at = f"2026-11-01T10:{call.pop('minute', 10):02}:00Z"
            usual = {"timestamp": at, "input_tokens": 1000, "output_tokens": 500, "success": True}
            file.write(json.dumps(usual | call) + "\n")
    config = str(folder / "llmops.toml")
    made = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | {"LLMOPS_CONFIG": config}
    sync(made)
    return made


def _llmops(environment: Mapping[str, str], *arguments: str) -> Result:
    """A command in this process: starting one takes three seconds."""
    return CliRunner().invoke(app, [*arguments], env={"LLMOPS_CONFIG": environment["LLMOPS_CONFIG"], "COLUMNS": "200"})


def _rows(environment: Mapping[str, str], query: str) -> list[dict[str, Any]]:
    done = _llmops(environment, "sql", query, "--format", "json")
    assert done.exit_code == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_calls_cost_what_their_names_stand_for(environment: dict[str, str]) -> None:
    rows = _rows(environment, "select event_id, cost_usd, cost_source, price_model from llm_requests")
    assert {row["event_id"]: (row["cost_usd"], row["cost_source"], row["price_model"]) for row in rows} == {
        "before": ("0.0075", "list", "gpt-4o"),  # 1000 × 2.50 + 500 × 10 per million
        "after": ("0.00045", "list", "gpt-4o-mini"),  # 1000 × 0.15 + 500 × 0.60
        "profile": ("0.01155", "list", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),  # 3.30 and 16.50
        "own": ("0.0005", "list", "llama-3.3-70b"),  # 1000 × 0.20 + 500 × 0.60
        "priced": ("0.007", "list", "gpt-4o"),  # 600 × 2.50 + 400 × 1.25 + 500 × 10
        "claimed": ("0.0075", "list", "gpt-4o"),
        "refused": ("0", "free", "gpt-4o"),
        "lost-1": (None, "unpriced", None),
        "lost-2": ("0.5", "estimated", None),
    }


def test_what_has_no_price_is_a_table_with_a_check_that_says_how_to_add_one(environment: dict[str, str]) -> None:
    (row,) = _rows(environment, "select * from unpriced_usage")
    assert row == {
        "provider": "vllm",
        "model": "mixtral-own",
        "calls": 2,
        "calls_without_cost": 1,
        "tokens": 3000,
        "first_seen_at": "2026-11-01T10:05:00Z",
        "last_seen_at": "2026-11-01T10:07:00Z",
        "recent_calls": 2,
    }
    from dagster import AssetCheckKey, AssetKey, DagsterInstance

    home = Path(environment["LLMOPS_CONFIG"]).parent / "home"
    with DagsterInstance.from_config(str(next(home.rglob("dagster.yaml")).parent)) as instance:
        key = AssetCheckKey(AssetKey("unpriced_usage"), "calls_have_a_price")
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    found = record.event.dagster_event.event_specific_data  # type: ignore[union-attr]
    assert (found.passed, found.severity.value) == (False, "WARN")  # type: ignore[union-attr]
    told = {name: str(value.value) for name, value in found.metadata.items()}  # type: ignore[union-attr]
    assert told["observed"] == "2 of 9 calls (22.22%) have no list price"
    assert told["examples"] == "vllm mixtral-own: 2 calls"
    assert "[[prices.model]]" in told["what_to_do"]


def test_the_price_book_is_a_table_and_can_be_read_as_it_was_known(environment: dict[str, str]) -> None:
    price = "select price_version, price_usd, usd_per_million from {} where provider = 'openai' and model = 'gpt-4o'"
    price += " and meter = 'cache_read' and service_tier is null order by 1"
    first = {"price_version": "genai-prices-0.2.3", "price_usd": "0.00000125", "usd_per_million": "1.25"}
    second = first | {"price_version": "genai-prices-0.2.3.1"}
    assert _rows(environment, price.format("price_book")) == [first, second]
    assert _rows(environment, price.format("price_as_known_on('2026-11-21 12:00:00+00'::timestamptz)")) == [first]
    assert _rows(environment, price.format("price_as_known_on('2026-12-01 00:00:00+00'::timestamptz)")) == [second]


def test_why_explains_a_cost_line_by_line(environment: dict[str, str]) -> None:
    done = _llmops(environment, "prices", "why", "priced")
    assert done.exit_code == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["input_uncached", "600", "2.5", "0.0015", "genai-prices"] in lines
    assert ["cache_read", "400", "1.25", "0.0005", "genai-prices"] in lines
    assert ["output_text", "500", "10", "0.005", "genai-prices"] in lines
    assert "list_cost_usd 0.007: the sum of the lines" in done.stdout
    assert "cost_usd 0.007, list: price × meters" in done.stdout
    assert "gpt-4o, standard tier" in done.stdout
    assert "in genai-prices-0.2.3.1" in done.stdout


@pytest.mark.parametrize(
    ("event_id", "cost_source", "metered", "says"),
    [
        ("after", "list", "0.00045", "list prices of the call's time"),
        ("claimed", "list", "0.0075", "list prices"),
        ("refused", "free", None, "refused by the provider"),
        ("lost-1", "unpriced", None, "nothing is known"),
        ("lost-2", "estimated", None, "a gateway's own estimate"),
    ],
)
def test_why_says_which_cost_counts(
    environment: dict[str, str], event_id: str, cost_source: str, metered: str | None, says: str
) -> None:
    done = _llmops(environment, "prices", "why", event_id, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["call"]["cost_source"], found["metered_usd"], found["agrees"]) == (cost_source, metered, True)
    assert says in found["reason"]
    amounts = [Decimal(line["amount_usd"]) for line in found["lines"] if line["amount_usd"] is not None]
    if metered is not None:
        assert sum(amounts) == Decimal(metered)
    if event_id == "after":
        assert found["rule"]["rule"] == '[[["equals","chat-prod"]]]'
        assert found["rule"]["valid_from"] == "2026-11-01T10:30:00Z"


def test_why_of_an_unknown_call_says_where_to_look(environment: dict[str, str]) -> None:
    done = _llmops(environment, "prices", "why", "no-such-call")
    assert done.exit_code == 2
    assert "no call has the event_id 'no-such-call' in llm_requests: run llmops sync" in done.stderr


def test_why_says_so_when_a_price_of_the_site_was_changed_since(environment: dict[str, str], tmp_path: Path) -> None:
    config = Path(environment["LLMOPS_CONFIG"])
    changed = CONFIG.replace('input_uncached = "0.2"', 'input_uncached = "0.4"')
    other = config.with_name("changed.toml")
    other.write_text(changed, encoding="utf-8")
    done = _llmops(environment, "prices", "why", "own", "--config", str(other))
    assert "list_cost_usd 0.0005: the lines give 0.0007 today. The names or prices of llmops.toml" in done.stdout
