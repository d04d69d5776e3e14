"""What a site says of one place where raw records arrive: an entry of `[[source]]`.

Belongs here: what every source has in common, files and buckets, and which kinds there are; a topic's settings
are `kafka_settings`. Secrets are given by the *names* of variables; reading them, and making a setting do
something, belongs to `sources`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from llmops_assets.kafka_settings import KafkaSettings, NotificationSettings
from llmops_assets.source_base import SourceBase


class SourceSettings(SourceBase):
    """Files or a bucket. Keys are given by the *names* of environment variables."""

    kind: Literal["objects"] = Field("objects", description="Files and buckets.")
    uri: str = Field(description="A path, file://…, s3://bucket/prefix, gs://… or az://…")
    layout: str | None = Field(
        None, description="strftime template of the hour prefix, such as %Y-%m-%d/%H/; none: by last-modified"
    )
    endpoint: str | None = Field(None, description="S3 endpoint with scheme.", pattern=r"^https?://")
    region: str | None = Field(None, description="S3 region.")
    profile: str | None = Field(None, description="AWS profile.")
    access_key_id_env: str | None = Field(None, description="Variable that holds the access key id.")
    secret_access_key_env: str | None = Field(None, description="Variable that holds the secret key.")
    session_token_env: str | None = Field(None, description="Variable that holds the session token.")
    anonymous: bool = Field(False, description="Send unsigned requests.")
    role_arn: str | None = Field(None, description="AWS role to assume.", pattern=r"^arn:")
    s3_resource: str | None = Field(
        None, description="module:name of a dagster_aws S3Resource to take the rest from.", pattern=r"^[\w.]+:\w+$"
    )
    sts_endpoint: str | None = Field(None, description="STS endpoint with scheme.", pattern=r"^https?://")
    requester_pays: bool = Field(False, description="Pay for requests to a bucket of others.")
    sse_customer_key_env: str | None = Field(None, description="Variable that holds the SSE-C key in base64.")
    account: str | None = Field(None, description="Azure storage account.")
    timeout_seconds: float = Field(60.0, description="A request that takes longer is made again, or fails.", gt=0)
    manifest: str | None = Field(None, description="Folder or prefix of files that name objects.")
    listing: Literal["all", "manifest"] = Field(
        "all", description="all lists uri too; manifest trusts the files and notifications."
    )
    notifications: NotificationSettings | None = Field(None, description="Kafka topics whose records name objects.")

    @property
    def place(self) -> str:
        """Where the records are, for people."""
        return self.uri

    @property
    def technologies(self) -> set[str]:
        """What the UI shows an icon of."""
        return {_ICONS.get(self.uri.partition("://")[0], "file")}

    @field_validator("uri", "manifest")
    @classmethod
    def _has_a_known_scheme(cls, uri: str | None) -> str | None:
        scheme, found, _ = (uri or "").partition("://")
        if found and scheme not in ("file", "s3", "gs", "az"):
            raise ValueError(f"{scheme}:// is not supported; allowed: file://, s3://, gs://, az://, or a path")
        return uri

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        is_azure = self.uri.startswith("az://")  # which has one key, of the account
        if not is_azure and (self.access_key_id_env is None) != (self.secret_access_key_env is None):
            raise ValueError("access_key_id_env and secret_access_key_env go together")
        return self

    @model_validator(mode="after")
    def _only_files_can_be_trusted(self) -> Self:
        if self.listing == "manifest" and self.manifest is None and self.notifications is None:
            raise ValueError(
                'listing = "manifest" needs manifest, the folder of the files that name objects, or notifications'
            )
        return self


_ICONS = {"s3": "s3", "gs": "googlecloud", "az": "azure"}
SOURCE_KINDS: dict[str, type[SourceBase]] = {"objects": SourceSettings, "kafka": KafkaSettings}


def _kind(value: Any) -> str | None:
    kind = value.get("kind", "objects") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in SOURCE_KINDS else None


AnySource = SourceSettings | KafkaSettings
TaggedSource = Annotated[
    Annotated[SourceSettings, Tag("objects")] | Annotated[KafkaSettings, Tag("kafka")],
    Discriminator(
        _kind,
        custom_error_type="unknown_kind",
        custom_error_message=f"no such kind of source; allowed: {', '.join(map(repr, SOURCE_KINDS))}",
    ),
]
