"""Settings of what Dagster is told: when work is looked for, when an asset is late, whose it is.

Belongs here: names, defaults, what is allowed. `settings.py` puts them together with the others.
"""

import re

from pydantic import Field, field_validator

from llmops_assets.section import Section

OWNER = r"^(team:[\w-]+|[^@\s]+@[^@\s]+\.[A-Za-z]{2,})$"


class AutomationSettings(Section):
    """What runs by itself under a Dagster daemon. Switches only seed the sensors' first state."""

    enabled: bool = Field(True, description="Sensors and schedules start switched on.")
    arrivals_every_seconds: int = Field(30, description="How often each source is looked at.", ge=1)
    due_every_seconds: int = Field(30, description="How often due hours, dates and reports are looked for.", ge=1)
    look_back_hours: int = Field(48, description="How far back a quick look at a source goes.", ge=1)
    full_look_every_minutes: int = Field(360, description="How often all of a source is looked at.", ge=1)
    backlog_after_hours: int = Field(48, description="Older windows are backlog: one such run at a time.", ge=1)
    max_runs_per_tick: int = Field(4, description="Runs that one look requests at most.", ge=1)
    retry_after_seconds: int = Field(300, description="Wait before failed work is tried anew; doubles up to 6 h.", ge=1)
    maintenance_cron: str = Field(
        "17 3 * * *", description="When the lake is tidied (UTC).", pattern=r"^\S+( +\S+){4}$"
    )


class FreshnessSettings(Section):
    """When the UI calls an asset overdue: hours since it was last materialized, whichever partition that was."""

    hourly_hours: int = Field(3, description="Sources, tables by hour, and tables about them.", ge=2)
    daily_hours: int = Field(26, description="Tables and reports by day.", ge=2)


class UiSettings(Section):
    """What the Dagster UI says of assets."""

    owner: str = Field("team:data-platform", description="Owner of assets that have no other.", pattern=OWNER)
    owners: dict[str, str] = Field(
        {"money": "team:billing"},
        description="Owners of groups and, before these, of assets by their keys.",
    )

    @field_validator("owners")
    @classmethod
    def _are_owners(cls, owners: dict[str, str]) -> dict[str, str]:
        wrong = sorted(f"{name} = {owner!r}" for name, owner in owners.items() if not re.match(OWNER, owner))
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: an owner is team:<name> or a mail address")
        return owners

    def owner_of(self, asset: str, group: str) -> str:
        """The owner of an asset: its own, else its group's, else everyone's."""
        return self.owners.get(asset, self.owners.get(group, self.owner))
