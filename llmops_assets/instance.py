"""Where the Dagster instance lives: `DAGSTER_HOME` if it is set, else a folder under our home."""

import os
from pathlib import Path

from llmops_assets.settings import Settings

DAGSTER_YAML = """\
# Instance of a laptop: SQLite in this folder. Set DAGSTER_HOME to use another one.
telemetry:
  enabled: false
nux:
  enabled: false
# Steps print nothing: what they have to say is in their events. Capturing output starts four processes a step.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def dagster_home(settings: Settings) -> Path:
    """The folder of the Dagster instance, made with a minimal `dagster.yaml` if it is ours and new."""
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return Path(configured)
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists():
        file.write_text(DAGSTER_YAML, encoding="utf-8")
    return folder
