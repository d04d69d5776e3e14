"""One day's calls told by a bucket, a topic and the events endpoint, on a bad day: each counts once."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faulty_proxy import RESET
from kafka_broker import Broker
from kafka_records import Pipeline, milliseconds
from s3_site import Remote
from serving import Server, lines

from llmops_assets.ingest import refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource
from llmops_assets.tables import COVERAGE, REQUESTS
from llmops_assets.warehouse import build_hours, due_hours
from llmops_assets.warehouse.build import RunInfo
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.windows import HOUR, Window, hour_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EVENTS = 50_000
AT_ONCE = 1000
STARTED = datetime.now(UTC)
CALLED = hour_of(STARTED) - HOUR
TENANTS = ("acme", "globex", "initech")
Calls = list[dict[str, Any]]


@dataclass
class MixedDay:
    """Three sources of one lake."""

    lake: Lake
    home: Path
    sources: tuple[AnySource, ...]

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, source=self.sources)

    def take_in(self) -> None:
        """Take in what every source holds since the calls were made."""
        now = datetime.now(UTC)
        window = Window(CALLED, hour_of(now) + HOUR)
        for source in self.sources:
            run = Run(f"take-{source.name}", now, self.home / "scratch" / source.name)
            refresh(self.lake, self.settings, source, window, run)

    def build(self) -> None:
        """Publish the hours that are due."""
        hours = due_hours(self.lake)
        run = RunInfo("build", datetime.now(UTC))
        window = Window(hours[0], hours[-1] + HOUR)
        build_hours(self.lake, self.settings, DbtProject.located(self.home), window, run)
        write_coverage(self.lake, self.settings)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the account and the calls."""
        with self.lake.reader([COVERAGE, REQUESTS]) as connection:
            connection.execute("set schema = 'lake'")
            rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return rows


def _calls() -> Calls:
    """Fifty minutes of calls, one each 60 ms."""
    return [
        {
            "event_id": f"call-{number:05}",
            "timestamp": (CALLED + timedelta(milliseconds=60 * number)).isoformat(timespec="milliseconds"),
            "tenant": TENANTS[number % len(TENANTS)],
            "provider": "openai",
            "model": "gpt-4o",
            "prompt_tokens": number % 100,
            "completion_tokens": 1,
        }
        for number in range(EVENTS)
    ]


def _through_kafka(broker: Broker, topic: str, calls: Calls) -> None:
    """Half of them in transactions that are committed; others in one that is aborted, and tombstones between."""
    at = milliseconds(STARTED)
    messages = [{"value": json.dumps(call).encode(), "timestamp": at} for call in calls]
    half = EVENTS // 2
    broker.produce(topic, messages[:half])
    broker.transaction(topic, messages[half:], commit=True)
    broker.transaction(topic, [{"value": b'{"event_id": "never"}', "timestamp": at}], commit=False)
    broker.produce(topic, [{"value": None, "key": b"gone", "timestamp": at} for _ in range(3)])


def _through_s3(remote: Remote, calls: Calls) -> None:
    for start in range(0, EVENTS, 5 * AT_ONCE):
        key = f"in/{CALLED:%Y-%m-%d/%H}/{start:05}"
        remote.client.put_object(Bucket=remote.bucket, Key=key, Body=lines(calls[start : start + 5 * AT_ONCE]))


def _through_the_endpoint(server: Server, calls: Calls) -> None:
    """Killed in the middle; what was not answered is sent again."""
    token = server.add_token("gateway")
    server.start()
    for start in range(0, EVENTS, AT_ONCE):
        if start == EVENTS // 2:
            server.kill()
            server.start()
        assert server.post(lines(calls[start : start + AT_ONCE]), token).status == 200
    server.post(b'{"event_id": "torn", "time\n', token)
    server.stop()


@pytest.fixture
def day(broker: Broker, remote: Remote, lake: Lake, tmp_path: Path) -> Iterator[MixedDay]:
    """The same calls sent the three ways."""
    calls = _calls()
    bus = Pipeline(broker, lake, tmp_path / "home", broker.topic())
    _through_kafka(broker, bus.topic, calls)
    _through_s3(remote, calls)
    folder = tmp_path / "endpoint"
    folder.mkdir()
    server = Server(folder)
    try:
        _through_the_endpoint(server, calls)
        (events,) = server.settings.source
        yield MixedDay(lake, tmp_path / "home", (remote.site.source, bus.source, events))
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


ACCOUNT = (
    "select source, any_value(unit), sum(expected)::bigint, sum(read)::bigint, sum(accepted)::bigint, "
    "sum(events)::bigint, sum(exact_duplicates)::bigint, sum(conflicts)::bigint, "
    "sum(duplicates_of_other_sources)::bigint, sum(unbuilt)::bigint, bool_and(expected = read) "
    f"from {COVERAGE} group by source order by source"
)


def _resetting(name: str) -> Callable[[str, str], str | None]:
    """Every read of the object is cut off."""
    return lambda method, path: RESET if method == "GET" and path.partition("?")[0].endswith(name) else None


def test_fifty_thousand_calls_that_come_three_ways_count_once_and_the_ledger_closes(
    day: MixedDay, remote: Remote
) -> None:
    remote.set(timeout_seconds=0.5)
    remote.proxy.fault = _resetting("/45000")
    day.take_in()
    day.build()
    # An object of 5,000 calls could not be read: the hour says so, and the other sources have told them.
    assert day.ask(f"select count(*), count(distinct event_id) from {REQUESTS}") == [(EVENTS, EVENTS)]
    bus, calls, events = day.ask(ACCOUNT)
    # Offsets also of the two transactions' ends, the record that was aborted, and the three without a value.
    assert (*bus[:5], bus[-1]) == ("bus", "offset", EVENTS + 6, EVENTS + 6, EVENTS, True)
    assert (*calls[:5], calls[-1]) == ("calls", "object", 10, 9, EVENTS - 5000, False)
    assert (*events[:2], events[4], events[-1]) == ("events", "object", EVENTS, True)
    remote.proxy.fault = lambda method, path: None
    day.take_in()
    day.build()
    told = day.ask(ACCOUNT)
    assert [(row[0], row[-1]) for row in told] == [("bus", True), ("calls", True), ("events", True)]
    assert sum(row[5] for row in told) == EVENTS
    assert sum(row[6] for row in told) == sum(row[8] for row in told) == 2 * EVENTS
    assert {(row[7], row[9]) for row in told} == {(0, 0)}
    assert day.ask(f"select count(*), sum(tokens_input)::bigint from {REQUESTS}") == [(EVENTS, EVENTS // 100 * 4950)]
    assert write_coverage(day.lake, day.settings).unaccounted == []
