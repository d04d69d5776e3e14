"""What assets are handed: the lake with its settings, opened per run and never at load.

Belongs here: thin resources that give out plain domain objects. No connection is made when the code
location loads, and no secret is kept in a resource.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from llmops_assets.defs.event_log import quick_event_log
from llmops_assets.lake import Lake
from llmops_assets.locks import at_work
from llmops_assets.settings import Settings
from llmops_assets.warehouse.project import DbtProject


class PlatformResource(dg.ConfigurableResource["PlatformResource"]):
    """Settings, lake and dbt project of a run, from `llmops.toml` and the environment."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["PlatformResource"]:
        """Itself, while the run is marked as at work and its events do not wait for the disk at each."""
        if context.instance is None or context.run is None:
            yield self
            return
        mark = self.settings().running / context.run.run_id
        with at_work(mark), quick_event_log(Path(context.instance.root_directory)):
            yield self

    def settings(self) -> Settings:
        """The settings as they are now."""
        return Settings.load()

    def lake(self, settings: Settings) -> Lake:
        """The lake that the settings name."""
        return Lake.open(settings.lake_catalog)

    def project(self, settings: Settings) -> DbtProject:
        """The dbt project, parsed if its files changed."""
        return DbtProject.located(settings.home)


@dg.definitions
def resources() -> dg.Definitions:
    """The platform, under the name that assets ask for; steps run in the run's own process.

    A process of its own costs a step some three seconds, and a run has one step.
    """
    return dg.Definitions(resources={"platform": PlatformResource()}, executor=dg.in_process_executor)
