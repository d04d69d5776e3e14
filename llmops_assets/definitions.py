"""The Dagster code location: everything under `defs/`, found by walking the folder."""

import warnings
from pathlib import Path

import dagster as dg

from llmops_assets.defs.presentation import presented
from llmops_assets.settings import Settings

HERE = Path(__file__).parent


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of the project."""
    return presented(dg.load_from_defs_folder(path_within_project=HERE), Settings.load())


def defs_to_execute() -> dg.Definitions:
    """The same without Dagster's catalogue of installed component types, which takes half a second to make."""
    with warnings.catch_warnings():
        for category in (dg.PreviewWarning, dg.BetaWarning):
            warnings.simplefilter("ignore", category)
        found = dg.ComponentTree.for_project(HERE).build_defs(Path())
    return presented(found, Settings.load())
