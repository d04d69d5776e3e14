"""Raw batches: a healthy hour has no failure, and each injected anomaly is caught by the expectation for it.

Five Mondays of one source, 200 records in the hour from 10:00 of each; the last one is the batch.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.cli.sql import select
from llmops_assets.duck import connect
from llmops_assets.expectations import Finding, examine_batches
from llmops_assets.ingest.ledger import Look, write_ledger
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.settings import Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import LEDGER_SPEC, RAW, RAW_SPEC
from llmops_assets.windows import Window, hour_window

pytestmark = pytest.mark.integration

HOUR = datetime(2026, 11, 16, 10, tzinfo=UTC)
WEEK = timedelta(days=7)


class Batches:
    """A lake with five Mondays, whose last can be spoilt."""

    def __init__(self, lake: Lake, folder: Path, weeks: int = 5) -> None:
        self.lake, self.folder = lake, folder
        for spec in (RAW_SPEC, LEDGER_SPEC):
            lake.ensure(spec)
        for week in range(weeks):
            self.land(week)

    def land(self, week: int, records: int = 200, changes: str = "") -> None:
        """Put the records of a Monday into the lake, with `replace (…)` changes, and enter them in the ledger."""
        start = HOUR - week * WEEK
        at = f"timestamptz '{start:%Y-%m-%d %H:%M:%S+00}'"
        with connect() as connection:
            connection.execute(f"""
                create table records as select * {changes} from (
                    select
                        'gateway' as source, {at} as arrival_hour, 'calls-{week}.ndjson' as uri, 'v1' as version,
                        n as line, {at} + interval 30 minute as arrived_at, 'flat' as format,
                        case when n <= 2 then 'rejected' else 'accepted' end as outcome,
                        case when n <= 2 then 'bad_type' end as reject_reason, 'e' || n as event_id,
                        {at} + n * interval 1 second as event_time, 't' as tenant_id, 'u' as user_id,
                        'f' as feature, 'openai' as provider, 'gpt-4o' as model, 100 as tokens_input,
                        10 as tokens_output, 500::double as latency_ms
                    from range(1, {records} + 1) as numbers (n)
                )
            """)
            known = {row[0] for row in connection.execute("describe records").fetchall()}
            others = "".join(f", null::{one.type} as {one.name}" for one in RAW_SPEC.columns if one.name not in known)
            window = hour_window(start)
            self.lake.replace(RAW, window, connection, f"(select *{others} from records)")
            ended = Run("test", start + timedelta(hours=2), self.folder)
            write_ledger(self.lake, connection, "gateway", window, Look([], (), {}, {}), ended)

    def judge(self, **quality: object) -> dict[str, Finding]:
        """The findings of the last Monday, by name."""
        settings = Settings(
            home=self.folder,
            source=(SourceSettings(name="gateway", uri="in"),),
            quality=QualitySettings.model_validate(quality),
        )
        found = examine_batches(self.lake, settings, "gateway", hour_window(HOUR), self.folder / "scratch")
        return {finding.name: finding for finding in found}


@pytest.fixture
def batches(lake: Lake, tmp_path: Path) -> Iterator[Batches]:
    yield Batches(lake, tmp_path)


def failed(findings: dict[str, Finding]) -> list[str]:
    """Names of those that did not pass."""
    return [name for name, finding in findings.items() if not finding.passed]


def rows(lake: Lake, query: str) -> list[tuple[object, ...]]:
    """What `llmops sql` answers."""
    with connect() as connection:
        found: list[tuple[object, ...]] = select(lake, connection, query).fetchall()
    return found


def test_a_healthy_hour_passes_everything(batches: Batches) -> None:
    findings = batches.judge()
    assert failed(findings) == []
    # Four Mondays of 200 records: the median is 200, nothing deviates, half of it is allowed.
    assert findings["volume_is_as_in_weeks_before"].bounds == "100 to 300 (median 200.0 of 4 weeks)"


def test_without_earlier_weeks_an_hour_passes_and_says_why(lake: Lake, tmp_path: Path) -> None:
    findings = Batches(lake, tmp_path, weeks=2).judge()
    assert failed(findings) == []
    assert findings["volume_is_as_in_weeks_before"].observed == "not enough history: 1 of 3 earlier observations"


@pytest.mark.parametrize("records", [99, 301])
def test_an_unusual_volume_is_a_warning(batches: Batches, records: int) -> None:
    batches.land(0, records=records)
    findings = batches.judge()
    (name,) = failed(findings)
    finding = findings[name]
    assert (name, finding.expectation.severity) == ("volume_is_as_in_weeks_before", "warn")
    assert finding.observed == f"2026-11-16T10Z records: {records}"
    assert finding.examples[0]["uri"] == "calls-0.ndjson"
    assert [row[:2] for row in rows(batches.lake, finding.query)] == [("calls-0.ndjson", records)]


ANOMALIES = {
    # 60 of 198 accepted records lose their user: 0.303 against a median of 0 and a margin of 0.1.
    "null_rates_are_as_in_weeks_before": "case when line > 140 then null else user_id end as user_id",
    "amounts_are_in_range": "case when line in (50, 60, 70) then 30000000 else tokens_input end as tokens_input",
    # 3 of 198 are more than a minute after their arrival, which is half past.
    "event_times_are_near_arrival": (
        "case when line >= 198 then arrived_at + interval 2 hour else event_time end as event_time"
    ),
    "formats_were_seen_before": "case when line > 190 then 'litellm_payload' else format end as format",
}
EXAMPLES = {
    "null_rates_are_as_in_weeks_before": ["141", "142", "143"],
    "amounts_are_in_range": ["50", "60", "70"],
    "event_times_are_near_arrival": ["198", "199", "200"],
    "formats_were_seen_before": ["191", "192", "193"],
}


@pytest.mark.parametrize("name", ANOMALIES)
def test_each_anomaly_is_caught_with_three_positions_and_the_query_for_them(batches: Batches, name: str) -> None:
    batches.land(0, changes=f"replace ({ANOMALIES[name]})")
    findings = batches.judge()
    assert failed(findings) == [name]
    finding = findings[name]
    assert finding.expectation.severity == "warn"
    assert finding.hours == (HOUR,)
    assert [example["line"] for example in finding.examples] == EXAMPLES[name]
    assert {example["uri"] for example in finding.examples} == {"calls-0.ndjson"}
    found = rows(batches.lake, finding.query)
    assert [str(row[1]) for row in found[:3]] == EXAMPLES[name]
    assert finding.command == f'llmops sql "{finding.query}"'


def test_a_reason_that_takes_a_greater_share_is_a_warning(batches: Batches) -> None:
    # 41 of 200 are rejected for one reason: 0.205 against a median of 0.01 and a margin of 0.1.
    batches.land(
        0,
        changes="replace (case when line <= 41 then 'rejected' else outcome end as outcome, "
        "case when line <= 41 then 'bad_type' end as reject_reason)",
    )
    findings = batches.judge()
    assert failed(findings) == ["rejects_are_as_in_weeks_before"]
    assert findings["rejects_are_as_in_weeks_before"].observed == "2026-11-16T10Z bad_type: 0.205"
    assert len(rows(batches.lake, findings["rejects_are_as_in_weeks_before"].query)) == 41


def test_records_that_the_ledger_does_not_know_break_an_invariant(batches: Batches) -> None:
    with connect() as connection:
        window = hour_window(HOUR)
        batches.lake.mount(connection, {RAW: window})
        batches.lake.replace(RAW, window, connection, f"(select * from lake.{RAW} where line > 5)")
    finding = batches.judge()["every_record_has_one_outcome"]
    assert (finding.passed, finding.failed) == (False, True)
    assert finding.observed.endswith(": 5")
    assert rows(batches.lake, finding.query)


def test_a_severity_of_the_settings_counts_and_off_is_not_asked(batches: Batches) -> None:
    batches.land(0, records=20)
    findings = batches.judge(severities={"volume_is_as_in_weeks_before": "error", "amounts_are_in_range": "off"})
    assert findings["volume_is_as_in_weeks_before"].failed
    assert "amounts_are_in_range" not in findings


def test_hours_of_a_window_are_told_apart(batches: Batches) -> None:
    batches.land(0, changes=f"replace ({ANOMALIES['amounts_are_in_range']})")
    settings = Settings(home=batches.folder)
    window = Window(HOUR - timedelta(hours=2), HOUR + timedelta(hours=1))
    found = examine_batches(batches.lake, settings, "gateway", window, batches.folder / "scratch")
    assert {finding.name: finding.hours for finding in found if not finding.passed} == {"amounts_are_in_range": (HOUR,)}
