"""The whole pipeline on a topic, as a user runs it: calls in, tables out, a gap named, accepted and gone on from."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from kafka_broker import Broker
from kafka_records import Pipeline, record
from states import LLMOPS, with_home

from llmops_assets.defs.ingestion import source_asset, source_key
from llmops_assets.defs.resources import PlatformResource
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.windows import HOUR, Window, hour_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def config(tmp_path: Path, broker: Broker) -> Path:
    """An llmops.toml with one topic, the way a user writes it."""
    file = tmp_path / "llmops.toml"
    topic = broker.topic()
    file.write_text(
        f'home = "home"\n[reports]\nenabled = false\n[[source]]\nname = "bus"\nkind = "kafka"\ntopics = ["{topic}"]\n'
        f'bootstrap_servers = "{broker.servers}"\nmax_lag_records = 0\n',
        encoding="utf-8",
    )
    return file


def _llmops(config: Path, *arguments: str) -> tuple[int, str]:
    environment = with_home(config, config.parent / "home")
    done = subprocess.run([LLMOPS, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_sync_publishes_the_calls_of_a_topic_and_goes_on_after_an_accepted_gap(config: Path, broker: Broker) -> None:
    settings = Settings.load(config)
    now = datetime.now(UTC)
    bus = Pipeline(broker, Lake.open(settings.lake_catalog), settings.home, _topic(settings), now=now)
    broker.produce(bus.topic, [record(f"a{n}", now - timedelta(minutes=70 * n)) for n in range(3, 0, -1)])
    bus.refresh(Window(bus.hour.start - 4 * HOUR, bus.hour.end))
    broker.produce(bus.topic, [record(f"b{n}", now) for n in range(3)])
    broker.delete_records(bus.topic, 5)
    gap = ("source", "accept-gap", "bus", "--topic", bus.topic, "--partition", "0", "--from", "3", "--to", "5")
    assert _llmops(config, *gap, "--reason", " ", "--by", "ada") == (
        2,
        "configuration: --reason and --by must say something: they stand in the ledger for ever",
    )
    assert _llmops(config, *gap, "--reason", "a test", "--by", "ada")[0] == 0
    assert _llmops(config, "sync", "--quiet") == (0, "")
    code, shown = _llmops(config, "sql", "select event_id from llm_requests order by all", "--format", "csv")
    assert (code, shown) == (0, "event_id a1 a2 a3 b2")


def _topic(settings: Settings) -> str:
    (source,) = settings.source
    assert isinstance(source, KafkaSettings)
    return source.topics[0]


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
@pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")
def test_an_asset_shows_its_lag_and_warns_beyond_the_bound(
    config: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_CONFIG", str(config))
    monkeypatch.setenv("LLMOPS_QUALITY__ENABLED", "false")
    settings = Settings.load()
    (source,) = settings.source
    topic = _topic(settings)
    now = datetime.now(UTC)
    broker.produce(topic, [record("a", now)])
    broker.transaction(topic, [record("open", now)], commit=None)
    asset = source_asset(source, settings)
    with dg.DagsterInstance.ephemeral() as instance:
        key = f"{hour_of(now):%Y-%m-%d-%H:%M}"
        done = dg.materialize([asset], partition_key=key, instance=instance, resources={"platform": PlatformResource()})
    metadata = done.asset_materializations_for_node(asset.op.name)[0].metadata
    assert metadata["lag_records"].value == 1
    assert f"| {topic}/0" in str(metadata["lag"].value) or "…" in str(metadata["lag"].value)
    (check,) = done.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == (
        "keeps_up_with_its_topics",
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert check.asset_key == source_key("bus")
    assert Lake.open(settings.lake_catalog).exists("kafka_snapshots")
