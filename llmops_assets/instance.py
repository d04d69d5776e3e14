"""Where the Dagster instance lives: `DAGSTER_HOME` if it is set, else a folder under our home."""

import os
from pathlib import Path

from llmops_assets.settings import Settings

OURS = "# Written by llmops; without this line it is yours."
DAGSTER_YAML = f"""\
{OURS}
# Instance of a laptop: SQLite in this folder. Set DAGSTER_HOME to use another one.
telemetry:
  enabled: false
nux:
  enabled: false
# Steps print nothing: what they have to say is in their events. Capturing output starts four processes a step.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# A run over a range of partitions writes its events in one transaction instead of one for each.
event_log_storage:
  module: llmops_assets.defs.event_log
  class: BatchingSqliteEventLog
  config:
    base_dir: {{folder}}/history/runs
"""


def dagster_home(settings: Settings) -> Path:
    """The folder of the Dagster instance; ours is made, with a `dagster.yaml` that is kept up to date until edited."""
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return Path(configured)
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / "dagster.yaml", DAGSTER_YAML.format(folder=folder.resolve())
    before = file.read_text(encoding="utf-8") if file.exists() else OURS
    if before.startswith(OURS) and before != text:
        file.write_text(text, encoding="utf-8")
    return folder
