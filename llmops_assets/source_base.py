"""What every source has, whatever kind it is. The kinds are `source_settings` and `kafka_settings`."""

from typing import Literal

from pydantic import Field, field_validator

from llmops_assets.section import Section


class SourceBase(Section):
    """One place where raw records arrive, and what its records mean."""

    name: str = Field(description="Asset and source name.", pattern=r"^[a-z][a-z0-9_]*$")
    format: str = Field("auto", description="auto, or the name of one format that every record must have.")
    cost: Literal["computed", "reported"] = Field("computed", description="Whose figure cost_usd is.")
    tenant: str | None = Field(
        None, description="Tenant of every record of this source, whatever a record says.", pattern=r"^\S(.*\S)?$"
    )
    request_id_is_unique: bool = Field(False, description="request_id names one attempt in this source.")

    @field_validator("format")
    @classmethod
    def _is_a_format(cls, name: str) -> str:
        from llmops_assets.formats.registry import format_names

        allowed = ("auto", *format_names())
        if name not in allowed:
            raise ValueError(f"no such format; allowed: {', '.join(allowed)}")
        return name
