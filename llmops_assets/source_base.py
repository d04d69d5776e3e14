"""What every source has, whatever kind it is. The kinds are `source_settings` and `kafka_settings`."""

import json
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from llmops_assets.attribution_settings import AttributionSettings
from llmops_assets.section import Section


class SourceBase(Section):
    """One place where raw records arrive, and what its records mean."""

    name: str = Field(description="Asset and source name.", pattern=r"^[a-z][a-z0-9_]*$")
    format: str = Field("auto", description="auto, or the name of one format that every record must have.")
    cost: Literal["computed", "reported"] = Field("computed", description="Whose figure cost_usd is.")
    tenant: str | None = Field(
        None, description="Tenant of every record of this source, whatever a record says.", pattern=r"^\S(.*\S)?$"
    )
    attribution: AttributionSettings = Field(
        default_factory=AttributionSettings, description="Places of a record that tell tenant, user and the rest."
    )
    request_id_is_unique: bool = Field(False, description="request_id names one attempt in this source.")
    reconciliation_only: bool = Field(
        False, description="Its records are kept and counted, but make no calls: another source tells of the same."
    )

    @field_validator("format")
    @classmethod
    def _is_a_format(cls, name: str) -> str:
        from llmops_assets.formats.registry import format_choices

        if name not in format_choices():
            raise ValueError(f"no such format; allowed: {', '.join(format_choices())}")
        return name

    @field_validator("attribution", mode="before")
    @classmethod
    def _may_come_from_a_variable(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f'write JSON, such as {{"tenant": ["tags.team"]}}: {error}') from None

    @model_validator(mode="after")
    def _is_attributed_once(self) -> Self:
        if self.tenant is not None and self.attribution.tenant is not None:
            raise ValueError("tenant is that of every record, so attribution.tenant is never asked: give one of them")
        kept = getattr(self, "headers", ())
        if missing := sorted(self.attribution.headers - set(kept)):
            raise ValueError(
                f"attribution reads the headers {', '.join(missing)}, which are not kept: "
                + ("add them to headers" if hasattr(self, "headers") else "only records of a topic have headers")
            )
        return self
