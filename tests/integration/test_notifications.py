"""Notifications of a bucket on Kafka: every object that they name is taken in, once, whoever else tells of it."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from intake_site import LATER, TEN, Site, calls
from kafka_broker import Broker
from kafka_records import dying, milliseconds
from s3_server import ROOT, NoServer, running

from llmops_assets.cli.source import accept
from llmops_assets.ingest import notifications
from llmops_assets.ingest.kafka_objects import RangesRead
from llmops_assets.lake import Lake
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import SourceError
from llmops_assets.sources.kafka import Place
from llmops_assets.sources.local import LocalFolder
from llmops_assets.warehouse.coverage import write_coverage
from llmops_assets.windows import HOUR, Window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

OLD = "2026-10-29/03"  # four days before what the tests take for now
RANGES = "select topic, start_offset, end_offset, state, records from lake.kafka_snapshots order by all"
NAMES = "select record_offset, object_key, object_version from lake.object_notifications order by all"


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic()


@pytest.fixture
def site(lake: Lake, tmp_path: Path, broker: Broker, topic: str) -> Site:
    """A folder of which only what the topic names is taken in."""
    (tmp_path / "in").mkdir()
    return Site(lake, tmp_path, source(broker, topic, uri=str(tmp_path / "in")))


def source(broker: Broker, topic: str, **settings: Any) -> SourceSettings:
    said = {"name": "calls", "layout": "%Y-%m-%d/%H/", "listing": "manifest"}
    connection = {"bootstrap_servers": broker.servers, "topics": [topic]}
    return SourceSettings.model_validate(said | {"notifications": connection} | settings)


def put(site: Site, key: str, *ids: str) -> None:
    file = site.home / "in" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(calls(*ids))
    os.utime(file, (TEN.timestamp(), TEN.timestamp()))


def notification(key: str, etag: str | None = None, event: str = "s3:ObjectCreated:Put") -> dict[str, Any]:
    """A message as S3 writes it, and MinIO and versitygw send it to Kafka."""
    one = {"key": key, "size": 1} | ({"eTag": etag} if etag else {})
    return {"Records": [{"eventName": event, "s3": {"bucket": {"name": "b"}, "object": one}}]}


def tell(broker: Broker, topic: str, *values: Any, at: datetime = LATER) -> None:
    messages = [json.dumps(value).encode() if isinstance(value, dict) else value for value in values]
    broker.produce(topic, [{"value": value, "timestamp": milliseconds(at)} for value in messages])


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    with site.lake.reader(["kafka_snapshots", "object_notifications"]) as connection:
        return connection.execute(query).fetchall()


def test_a_real_bucket_tells_of_its_objects_and_they_are_taken_in_once(
    lake: Lake, tmp_path: Path, broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLS_KEY", ROOT[0])
    monkeypatch.setenv("CALLS_SECRET", ROOT[1])
    try:
        with running(tmp_path / "s3", "--event-kafka-url", broker.servers, "--event-kafka-topic", topic) as server:
            client = server.client()
            client.create_bucket(Bucket="calls")
            keys = {"access_key_id_env": "CALLS_KEY", "secret_access_key_env": "CALLS_SECRET"}
            site = Site(lake, tmp_path, source(broker, topic, uri="s3://calls/in", endpoint=server.endpoint, **keys))
            _pass_through_a_bucket(site, broker, topic, client)
            client.close()
    except NoServer as error:
        pytest.skip(str(error))


def _pass_through_a_bucket(site: Site, broker: Broker, topic: str, client: Any) -> None:
    def write(key: str, *ids: str) -> None:
        client.put_object(Bucket="calls", Key=f"in/{key}", Body=calls(*ids))

    write("2026-11-01/10/a b+ü&=.json", "a1")
    write("2026-11-01/10/b", "b1", "b2")
    write(f"{OLD}/late", "late")
    client.put_object(Bucket="calls", Key="elsewhere/c", Body=calls("c1"))
    broker.wait_for(topic, 5)  # and a test event when the server began
    since = TEN - HOUR
    old = datetime(2026, 10, 29, 3, tzinfo=UTC)
    assert {TEN, old} <= set(site.due(since))
    site.refresh()
    site.refresh(Window(old, old + HOUR))
    assert site.ids() == ["a1", "b1", "b2", "late"]
    assert not {TEN, old} & set(site.due(since))
    assert rows(site, RANGES) == [(topic, 0, 5, "complete", 5)]
    write("2026-11-01/10/b", "b3")
    client.delete_object(Bucket="calls", Key="in/2026-11-01/10/a b+ü&=.json")
    broker.wait_for(topic, 7)
    site.refresh()
    assert site.ids() == ["a1", "b3", "late"]
    site.source = site.source.model_copy(update={"listing": "all"})
    site.refresh()
    assert site.ids() == ["a1", "b3", "late"]
    assert [row[:2] for row in site.ledger()] == [("a b+ü&=.json", 1), ("b", 1)]


def test_an_object_that_the_topic_and_the_listing_tell_of_is_looked_at_and_taken_in_once(
    site: Site, broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.source = site.source.model_copy(update={"listing": "all"})
    put(site, "2026-11-01/10/a", "a1")
    put(site, "2026-11-01/10/b", "b1")
    put(site, f"{OLD}/late", "late")
    tell(broker, topic, notification("2026-11-01/10/a"), notification(f"{OLD}/late"))
    looks: list[str] = []
    look = LocalFolder.look
    monkeypatch.setattr(LocalFolder, "look", lambda self, key: looks.append(key) or look(self, key))
    site.refresh()
    assert site.ids() == ["a1", "b1"]
    assert looks == [f"{OLD}/late"]
    assert datetime(2026, 10, 29, 3, tzinfo=UTC) in site.due(TEN - HOUR)
    tell(broker, topic, notification("2026-11-01/10/a", "another version"))
    put(site, "2026-11-01/10/a", "a2", "a3")
    site.refresh()
    assert site.ids() == ["a2", "a3", "b1"]
    write_coverage(site.lake, site.settings)
    with site.lake.reader(["source_coverage"]) as connection:
        covered = connection.execute("select source, unit, expected, read from lake.source_coverage").fetchall()
    assert covered == [("calls", "object", 2, 2)], "offsets of notifications are not what is to be accounted"


@pytest.mark.parametrize("step", ["rows", "completion"])
def test_a_run_that_dies_leaves_a_range_that_the_next_one_takes_in_once(
    site: Site, broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(site, "2026-11-01/10/a", "a1")
    put(site, "2026-11-01/10/b", "b1")
    tell(broker, topic, notification("2026-11-01/10/a"), b"2026-11-01/10/not-there")
    with monkeypatch.context() as patch:
        target, name = (RangesRead, "complete") if step == "completion" else (notifications, "_enter")
        patch.setattr(target, name, dying)
        with pytest.raises(KeyboardInterrupt):
            site.refresh()
    with site.lake.reader(["kafka_snapshots"]) as connection:
        assert connection.execute(RANGES).fetchall() == [(topic, 0, 2, "planned", None)]
    tell(broker, topic, notification("2026-11-01/10/b", "e1"))
    site.refresh()
    assert site.ids() == ["a1", "b1"]
    assert rows(site, RANGES) == [(topic, 0, 2, "complete", 2), (topic, 2, 3, "complete", 1)]
    assert rows(site, NAMES) == [
        (0, "2026-11-01/10/a", None),
        (1, "2026-11-01/10/not-there", None),
        (2, "2026-11-01/10/b", "e1"),
    ]


def test_looks_that_meet_enter_every_notification_once(site: Site, broker: Broker, topic: str) -> None:
    for number in range(20):
        put(site, f"2026-11-01/10/{number:02}", f"a{number:02}")
    tell(broker, topic, *(notification(f"2026-11-01/10/{number:02}") for number in range(20)))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: site.due(), range(3)))
    assert rows(site, RANGES) == [(topic, 0, 20, "complete", 20)]
    assert rows(site, NAMES) == [(number, f"2026-11-01/10/{number:02}", None) for number in range(20)]
    site.refresh()
    assert site.ids() == [f"a{number:02}" for number in range(20)]


def test_names_that_are_in_the_lake_complete_a_range_that_retention_took(
    site: Site, broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "2026-11-01/10/a", "a1")
    tell(broker, topic, notification("2026-11-01/10/a"), notification("2026-11-01/10/x"))
    with monkeypatch.context() as patch:
        patch.setattr(RangesRead, "complete", dying)
        with pytest.raises(KeyboardInterrupt):
            site.due()
    broker.delete_records(topic, 1)
    site.refresh()
    assert site.ids() == ["a1"]
    assert rows(site, RANGES) == [(topic, 0, 2, "complete", 2)]


def test_what_is_lost_or_names_nothing_is_an_error_until_it_is_accepted(site: Site, broker: Broker, topic: str) -> None:
    config = site.home / "llmops.toml"
    config.write_text(
        f'home = "."\n[[source]]\nname = "calls"\nuri = "in"\nlisting = "manifest"\n'
        f'[source.notifications]\nbootstrap_servers = "{broker.servers}"\ntopics = ["{topic}"]\n',
        encoding="utf-8",
    )
    for name in ("a", "b", "c"):
        put(site, f"2026-11-01/10/{name}", name)
    tell(broker, topic, notification("2026-11-01/10/a"), {"hello": "world"}, notification("2026-11-01/10/b"))
    command = f"accept-gap calls.notifications --topic {topic} --partition 0"
    with pytest.raises(SourceError, match=rf"offset 1 names no object; .*{command} --from 1 --to 2 "):
        site.refresh()
    accept(config, "calls.notifications", Place(topic, 0), 1, 2, "a stranger wrote it", "ada")
    site.refresh()
    assert site.ids() == ["a", "b"]
    tell(broker, topic, notification("2026-11-01/10/x"), notification("2026-11-01/10/c"))
    broker.delete_records(topic, 4)
    with pytest.raises(SourceError, match=rf"offsets \[3, 4\) were removed .*{command} --from 3 --to 4 "):
        site.due()
    accept(config, "calls.notifications", Place(topic, 0), 3, 4, "retention", "ada")
    site.refresh()
    assert site.ids() == ["a", "b", "c"]
    assert [state for _, _, _, state, _ in rows(site, RANGES)] == [
        "complete",
        "gap accepted",
        "complete",
        "gap accepted",
        "complete",
    ]
