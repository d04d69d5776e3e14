"""`llmops dev`: the Dagster UI on the configured lake."""

import os
import sys
from pathlib import Path

from llmops_assets.cli.console import errors
from llmops_assets.config_file import find_config
from llmops_assets.instance import dagster_home
from llmops_assets.settings import Settings

# As the repository's own, which an installed package does not have.
WORKSPACE = """\
load_from:
  - python_module:
      module_name: llmops_assets.definitions
      location_name: llmops_assets
"""


def run(config: Path | None, port: int) -> None:
    """Replace this process by `dagster dev`."""
    file = find_config(config)
    if file is not None:
        os.environ["LLMOPS_CONFIG"] = str(file.resolve())
    settings = Settings.load(config)
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    workspace = settings.home / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    errors.print(f"Dagster UI on http://127.0.0.1:{port}, instance {os.environ['DAGSTER_HOME']}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-p", str(port)]
    os.execv(command[0], command)  # noqa: S606 - the arguments are our own
