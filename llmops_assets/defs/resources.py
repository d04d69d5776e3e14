"""What assets are handed: the lake with its settings, opened per run and never at load.

Belongs here: thin resources that give out plain domain objects. No connection is made when the code
location loads, and no secret is kept in a resource.
"""

import dagster as dg

from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.warehouse.project import DbtProject


class PlatformResource(dg.ConfigurableResource[None]):
    """Settings, lake and dbt project of a run, from `llmops.toml` and the environment."""

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
    """The platform, under the name that assets ask for."""
    return dg.Definitions(resources={"platform": PlatformResource()})
