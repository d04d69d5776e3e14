"""`llmops source …`: what a person decides about a source."""

from datetime import UTC, datetime
from pathlib import Path

from llmops_assets.cli.console import errors
from llmops_assets.config_file import ConfigError
from llmops_assets.ingest.kafka_gaps import Acceptance, accept_gap
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.sources.kafka import Place


def accept(config: Path | None, name: str, place: Place, start: int, end: int, reason: str, by: str) -> None:
    """Record that offsets of a topic are lost, and go on behind them."""
    if not reason.strip() or not by.strip():
        raise ConfigError("--reason and --by must say something: they stand in the ledger for ever")
    settings = Settings.load(config)
    source = next((one for one in settings.source if one.name == name and isinstance(one, KafkaSettings)), None)
    if not isinstance(source, KafkaSettings):
        known = ", ".join(one.name for one in settings.source if one.kind == "kafka") or "none"
        raise ConfigError(f"{name} is no source of kind kafka (configured: {known})")
    lake = Lake.open(settings.lake_catalog)
    accept_gap(lake, source, Acceptance(place, start, end, reason.strip(), by.strip(), datetime.now(UTC)))
    errors.print(
        f"{place}: the gap {start} to {end} is recorded; the next snapshot goes on at offset {end} (llmops sync)",
        highlight=False,
    )
