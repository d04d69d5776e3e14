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
    uri: str = Field(description="A path, file://…, s3://bucket/prefix, gs://… or az://…")
    layout: str | None = Field(
        None, description="strftime template of the hour prefix, such as %Y-%m-%d/%H/; none: by last-modified"
    )
    format: str = Field("auto", description="auto, or the name of one format that every record must have.")
    cost: Literal["computed", "reported"] = Field("computed", description="Whose figure cost_usd is.")
    request_id_is_unique: bool = Field(False, description="request_id names one attempt in this source.")
    endpoint: str | None = Field(None, description="S3 endpoint with scheme.", pattern=r"^https?://")
    region: str | None = Field(None, description="S3 region.")
    profile: str | None = Field(None, description="AWS profile.")
    access_key_id_env: str | None = Field(None, description="Variable that holds the access key id.")
    secret_access_key_env: str | None = Field(None, description="Variable that holds the secret key.")
    session_token_env: str | None = Field(None, description="Variable that holds the session token.")
    anonymous: bool = Field(False, description="Send unsigned requests.")
    role_arn: str | None = Field(None, description="AWS role to assume.", pattern=r"^arn:")
    sts_endpoint: str | None = Field(None, description="STS endpoint with scheme.", pattern=r"^https?://")
    requester_pays: bool = Field(False, description="Pay for requests to a bucket of others.")
    sse_customer_key_env: str | None = Field(None, description="Variable that holds the SSE-C key in base64.")
    account: str | None = Field(None, description="Azure storage account.")
    timeout_seconds: float = Field(60.0, description="A request that takes longer is made again, or fails.", gt=0)
    manifest: str | None = Field(None, description="Folder or prefix of files that name objects.")
    listing: Literal["all", "manifest"] = Field("all", description="all lists uri too; manifest trusts the files.")

    @field_validator("uri", "manifest")
    @classmethod
    def _has_a_known_scheme(cls, uri: str | None) -> str | None:
        scheme, found, _ = (uri or "").partition("://")
        if found and scheme not in ("file", "s3", "gs", "az"):
            raise ValueError(f"{scheme}:// is not supported; allowed: file://, s3://, gs://, az://, or a path")
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
        is_azure = self.uri.startswith("az://")  # which has one key, of the account
        if not is_azure and (self.access_key_id_env is None) != (self.secret_access_key_env is None):
            raise ValueError("access_key_id_env and secret_access_key_env go together")
        return self

    @model_validator(mode="after")
    def _only_files_can_be_trusted(self) -> Self:
        if self.listing == "manifest" and self.manifest is None:
            raise ValueError('listing = "manifest" needs manifest, the folder of the files that name objects')
        return self
