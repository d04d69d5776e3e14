"""Where the Dagster instance lives: `DAGSTER_HOME` if it is set, else a folder under our home."""

import os
from pathlib import Path

from llmops_assets.settings import Settings

FILE = Path(__file__).parent / "dagster.yaml"


def instance_text(folder: Path) -> str:
    """The `dagster.yaml` of an instance in `folder`."""
    return FILE.read_text(encoding="utf-8").replace("{folder}", str(folder.resolve()))


def dagster_home(settings: Settings) -> Path:
    """The folder of the Dagster instance; ours is made, with a `dagster.yaml` that is kept up to date until edited."""
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return Path(configured)
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / "dagster.yaml", instance_text(folder)
    ours = text.splitlines()[0]
    before = file.read_text(encoding="utf-8") if file.exists() else ours
    if before.startswith(ours) and before != text:
        file.write_text(text, encoding="utf-8")
    return folder
