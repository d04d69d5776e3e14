"""Providers' reports through a refresh: rows to reconcile with, never calls, and every record accounted for."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import RefreshReport, Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.usage_tables import USAGE_REPORTS
from llmops_assets.windows import HOUR, hour_window

pytestmark = pytest.mark.integration

TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)
SAMPLES = Path(__file__).resolve().parents[1] / "unit" / "formats" / "samples" / "provider_usage_reports.ndjson"
EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "other_formats" / "openai_usage_costs_api.json"
CALL = {"event_id": "a", "timestamp": "2026-11-21T09:30:00Z", "model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}


class Site:
    """One source in a folder, taken in again and again."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        self.folder, self.lake, self.looks = folder, lake, 0
        self.source = SourceSettings(name="calls", uri=str(folder / "in"))
        self.settings = Settings(home=folder / "home", source=(self.source,))

    def write(self, name: str, text: str) -> None:
        file = self.folder / "in" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, ((TEN + timedelta(minutes=30)).timestamp(),) * 2)

    def refresh(self) -> RefreshReport:
        self.looks += 1
        run = Run(f"run-{self.looks}", TEN + self.looks * HOUR, self.settings.scratch / str(self.looks))
        return refresh(self.lake, self.settings, self.source, hour_window(TEN), run)

    def rows(self, query: str, tables: Iterable[str] = (RAW, LEDGER, USAGE_REPORTS)) -> list[tuple[Any, ...]]:
        with self.lake.reader(list(tables)) as connection:
            connection.execute("set schema = 'lake'")
            found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


@pytest.fixture
def site(lake: Lake, tmp_path: Path) -> Site:
    return Site(tmp_path, lake)


def test_results_become_rows_to_reconcile_with_and_every_record_has_one_outcome(site: Site) -> None:
    site.write("calls.ndjson", json.dumps(CALL) + "\n{\n")
    assert site.refresh().outcomes == {"accepted": 1, "rejected": 1}
    assert USAGE_REPORTS not in site.lake.tables()

    site.write("reports.ndjson", SAMPLES.read_text(encoding="utf-8"))
    assert site.refresh().outcomes == {"report": 7}
    ledger = site.rows(
        f"select records, accepted, rejected, not_a_call, report from {LEDGER} where uri is not null order by uri"
    )
    assert ledger == [(2, 1, 1, 0, 0), (7, 0, 0, 0, 7)]

    counted = site.rows(
        "select line, result_index, provider, kind, tokens_input, tokens_cache_read, tokens_cache_write, "
        f"tokens_cache_write_1h, tokens_output, requests, web_search_requests from {USAGE_REPORTS} "
        "where kind <> 'costs' order by line, result_index"
    )
    assert counted == [
        (1, 0, "openai", "usage.completions", 1000, 400, 100, None, 300, 5, None),
        (1, 1, "openai", "usage.completions", 10, None, None, None, 2, 1, None),
        # 1500 + 200 + 1000 + 500, since Anthropic leaves the cache out of its input.
        (3, 0, "anthropic", "usage.messages", 3200, 200, 1500, 1000, 700, None, 10),
        (5, 0, "openai", "usage.images", None, None, None, None, None, 2, None),
        (6, 0, "openai", "usage.embeddings", 16, None, None, None, None, 2, None),
    ]
    grouped = site.rows(
        "select bucket_start, bucket_end, project_id, user_id, api_key_id, model, service_tier, tokens_audio_input, "
        f"tokens_image_input, tokens_audio_output from {USAGE_REPORTS} where line = 1 and result_index = 0"
    )
    day = datetime(2026, 11, 20, tzinfo=UTC)
    assert grouped == [
        (day, day + timedelta(days=1), "proj_a", "user_b", "key_c", "gpt-4o-mini-2024-07-18", "batch", 50, 30, 20)
    ]
    amounts = site.rows(
        "select provider, bucket_start, amount, currency, line_item, workspace_id, dimensions, meters "
        f"from {USAGE_REPORTS} where kind = 'costs' order by line"
    )
    assert amounts == [
        ("openai", day, Decimal("0.06"), "USD", "gpt-4o-mini, input", None, {"quantity_unit": "tokens"},
         {"quantity": Decimal(400000)}),
        # 123.78912 cents.
        ("anthropic", day, Decimal("1.2378912"), "USD", "Claude Sonnet 4.5 Usage - Input Tokens", "wrkspc_01",
         {"cost_type": "tokens", "context_window": "0-200k", "token_type": "uncached_input_tokens"}, {}),
    ]  # fmt: skip

    site.write("reports.ndjson", SAMPLES.read_text(encoding="utf-8").splitlines()[1] + "\n")
    site.refresh()
    assert site.rows(f"select line, kind from {USAGE_REPORTS}") == [(1, "costs")]
    before = site.lake.snapshots(USAGE_REPORTS)
    assert site.refresh().records == 0
    assert site.lake.snapshots(USAGE_REPORTS) == before
    site.write("reports.ndjson", json.dumps(CALL | {"event_id": "b"}) + "\n")
    site.refresh()
    assert site.rows(f"select * from {USAGE_REPORTS}") == []


@pytest.mark.real_data
@pytest.mark.skipif(not EXAMPLES.is_file(), reason="the real records in shared/data are not on this machine")
def test_openais_documented_examples_land(site: Site) -> None:
    site.write("examples.json", EXAMPLES.read_text(encoding="utf-8"))
    assert site.refresh().outcomes == {"report": 1}
    rows = site.rows(
        "select kind, requests, tokens_input, tokens_output, amount, bucket_start, meters "
        f"from {USAGE_REPORTS} order by kind"
    )
    assert {row[5] for row in rows} == {datetime(2024, 11, 1, tzinfo=UTC)}
    assert {row[0]: row[1:5] for row in rows} == {
        "costs": (None, None, None, Decimal("0.06")),
        "usage.audio_speeches": (1, None, None, None),
        "usage.audio_transcriptions": (1, None, None, None),
        "usage.code_interpreter_sessions": (None, None, None, None),
        "usage.completions": (5, 1000, 500, None),
        "usage.embeddings": (2, 16, None, None),
        "usage.file_searches": (2, None, None, None),
        "usage.images": (2, None, None, None),
        "usage.moderations": (2, 16, None, None),
        "usage.vector_stores": (None, None, None, None),
        "usage.web_searches": (2, None, None, None),
    }
    meters = {row[0]: row[6] for row in rows}
    assert meters["usage.vector_stores"] == {"usage_bytes": 1024}
    assert meters["usage.audio_transcriptions"] == {"seconds": 20, "num_model_requests": 1}
    assert meters["usage.code_interpreter_sessions"] == {"num_sessions": 1}
