"""What a site says of one place where raw records arrive: an entry of `[[source]]`.

Belongs here: names, defaults and what is allowed. Secrets are given by the *names* of variables; reading them,
and making a setting do something, belongs to `sources`.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from llmops_assets.section import Section


class SourceSettings(Section):
    """One place where raw records arrive. Keys are given by the *names* of environment variables."""

    name: str = Field(description="Asset and source name.", pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["objects"] = Field("objects", description="Files and buckets.")
    uri: str = Field(description="file://…, a path relative to the configuration file, or s3://bucket/prefix")
    layout: str | None = Field(
        None, description="strftime template of the hour prefix, such as %Y-%m-%d/%H/; none: by last-modified"
    )
    format: str = Field("auto", description="auto, or the name of one format that every record must have.")
    cost: Literal["computed", "reported"] = Field("computed", description="Whose figure cost_usd is.")
    tenant: str | None = Field(
        None, description="Tenant of every record of this source, whatever a record says.", pattern=r"^\S(.*\S)?$"
    )
    request_id_is_unique: bool = Field(False, description="request_id names one attempt in this source.")
    endpoint: str | None = Field(None, description="S3 endpoint with scheme.", pattern=r"^https?://")
    region: str | None = Field(None, description="S3 region.")
    profile: str | None = Field(None, description="AWS profile.")
    access_key_id_env: str | None = Field(None, description="Variable that holds the access key id.")
    secret_access_key_env: str | None = Field(None, description="Variable that holds the secret key.")
    session_token_env: str | None = Field(None, description="Variable that holds the session token.")
    anonymous: bool = Field(False, description="Send unsigned requests.")

    @field_validator("uri")
    @classmethod
    def _has_a_known_scheme(cls, uri: str) -> str:
        scheme, found, _ = uri.partition("://")
        if found and scheme not in ("file", "s3"):
            raise ValueError(f"{scheme}:// is not supported; allowed: file://, s3://, or a path")
        return uri

    @field_validator("format")
    @classmethod
    def _is_a_format(cls, name: str) -> str:
        from llmops_assets.formats.registry import format_names

        allowed = ("auto", *format_names())
        if name not in allowed:
            raise ValueError(f"no such format; allowed: {', '.join(allowed)}")
        return name

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        if (self.access_key_id_env is None) != (self.secret_access_key_env is None):
            raise ValueError("access_key_id_env and secret_access_key_env go together")
        return self
