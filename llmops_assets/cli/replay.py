"""`llmops replay`: decode rejected records once more, after a format was mended or added."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from llmops_assets.cli.console import errors
from llmops_assets.cli.ledger import FIRST, LAST, source_named, utc
from llmops_assets.cli.showing import shown
from llmops_assets.config_file import ConfigError
from llmops_assets.ingest.refresh import Run
from llmops_assets.ingest.replay import replay
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.windows import Window, hour_of


def run(config: Path | None, name: str, reason: str, start: datetime | None, end: datetime | None) -> None:
    """Replay and say what came of it."""
    settings = Settings.load(config)
    source = source_named(settings, name)
    if not re.fullmatch(r"[a-z0-9_]+", reason):
        raise ConfigError(f"--reason {reason!r}: a reason is a word such as unknown_format; llmops ledger lists them")
    run_id = f"replay-{uuid4()}"
    window = Window(hour_of(utc(start) or FIRST), utc(end) or LAST)
    with shown(quiet=False):
        done = replay(
            Lake.open(settings.lake_catalog),
            settings,
            source,
            reason,
            window,
            Run(run_id, datetime.now(UTC), settings.scratch / run_id),
        )
    errors.print(
        f"{name}: of {done.before:,} records rejected as {reason} in {len(done.hours):,} hours {done.after:,} still "
        f"are ({done.objects_read:,} objects read again, {done.payloads_decoded:,} payloads decoded)",
        highlight=False,
        soft_wrap=True,
    )
    if done.after < done.before:
        errors.print("the event hours of the others are due now: run llmops sync", highlight=False)
