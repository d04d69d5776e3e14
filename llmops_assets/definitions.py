"""The Dagster code location: everything under `defs/`, found by walking the folder."""

from pathlib import Path

import dagster as dg

from llmops_assets.defs.presentation import presented
from llmops_assets.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of the project."""
    found = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return presented(found, Settings.load())
