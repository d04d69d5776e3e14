"""Who signs S3 requests: keys named by environment variables, an AWS profile, the AWS chain, or nobody.

Secrets are read here, when a store is opened, and handed to obstore through a provider, so that they are
never part of a configuration that could be shown, nor mixed with AWS_… variables of the process.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.errors import SourceError

Credential = Mapping[str, str | datetime | None]
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Signer:
    """A region and a provider of credentials (None: unsigned)."""

    region: str
    provider: Callable[[], Credential] | None = field(default=None, repr=False)

    def redact(self, text: str) -> str:
        """`text` without any secret of this signer; servers echo key ids in their errors."""
        for secret in (self.provider() if self.provider else {}).values():
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        return text


def signer_of(source: SourceSettings) -> Signer:
    """The signer that `source` configures.

    Raises:
        SourceError: a variable, the profile or any credentials are missing.
    """
    if source.anonymous:
        return Signer(source.region or _environment_region() or DEFAULT_REGION)
    if source.access_key_id_env is not None:
        region = source.region or _environment_region() or DEFAULT_REGION
        return Signer(region, _static(source))
    return _from_aws(source)


def _static(source: SourceSettings) -> Callable[[], Credential]:
    key = _variable(source, "access_key_id_env")
    secret = _variable(source, "secret_access_key_env")
    token = _variable(source, "session_token_env") if source.session_token_env else None
    credential = {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}
    return lambda: credential


def _variable(source: SourceSettings, setting: str) -> str:
    name = getattr(source, setting)
    value = os.environ.get(name, "")
    if not value:
        raise SourceError(
            f"source {source.name}: {setting} names the environment variable {name}, which is not set; export it"
        )
    return value


def _from_aws(source: SourceSettings) -> Signer:
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session: Any = boto3.Session(profile_name=source.profile)
        found = session.get_credentials()
    except BotoCoreError as error:
        raise SourceError(
            f"source {source.name}: AWS profile {source.profile or '(default)'} cannot be used: {error}"
        ) from error
    if found is None:
        raise SourceError(
            f"source {source.name}: no AWS credentials were found; set access_key_id_env and "
            "secret_access_key_env, or profile, or anonymous = true"
        )
    region = source.region or session.region_name or _environment_region() or DEFAULT_REGION
    provider: Any = Boto3CredentialProvider(session)
    return Signer(region, provider)


def _environment_region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
