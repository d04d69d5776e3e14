"""`llmops source …`: what a person decides about a source."""

from datetime import UTC, datetime
from pathlib import Path

from llmops_assets.cli.console import errors
from llmops_assets.config_file import ConfigError
from llmops_assets.ingest.kafka_gaps import Acceptance, accept_gap
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource
from llmops_assets.sources.kafka import Place


def accept(config: Path | None, name: str, place: Place, start: int, end: int, reason: str, by: str) -> None:
    """Record that offsets of a topic are lost, and go on behind them."""
    if not reason.strip() or not by.strip():
        raise ConfigError("--reason and --by must say something: they stand in the ledger for ever")
    settings = Settings.load(config)
    topics = {one.name: one for one in map(_topics, settings.source) if one is not None}
    if name not in topics:
        raise ConfigError(f"{name} is no source of kind kafka (configured: {', '.join(topics) or 'none'})")
    lake = Lake.open(settings.lake_catalog)
    accept_gap(lake, topics[name], Acceptance(place, start, end, reason.strip(), by.strip(), datetime.now(UTC)))
    errors.print(
        f"{place}: the gap {start} to {end} is recorded; the next snapshot goes on at offset {end} (llmops sync)",
        highlight=False,
    )


def _topics(source: AnySource) -> KafkaSettings | None:
    """The topics that a source reads, of records or of notifications."""
    if isinstance(source, KafkaSettings):
        return source
    return None if source.notifications is None else source.notifications.of(source.name)
