"""Who signs S3 requests: keys named by environment variables, an AWS profile, the AWS chain, or nobody.

Secrets are read here, when a store is opened, and handed to obstore through a provider, so that they are
never part of a configuration that could be shown, nor mixed with AWS_… variables of the process.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.errors import SourceError

Credential = Mapping[str, str | datetime | None]
DEFAULT_REGION = "us-east-1"
SPARE = timedelta(minutes=10)


@dataclass(frozen=True)
class Signer:
    """A region and a provider of credentials (None: unsigned)."""

    region: str
    provider: Callable[[], Credential] | None = field(default=None, repr=False)
    customer_key: str | None = field(default=None, repr=False)

    def redact(self, text: str) -> str:
        """`text` without any secret of this signer; servers echo key ids in their errors."""
        for secret in (*(self.provider() if self.provider else {}).values(), self.customer_key):
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        return text


def signer_of(source: SourceSettings, keys: Credential | None = None) -> Signer:
    """The signer that `source` configures; `keys` are those of its resource, if it names none itself.

    Raises:
        SourceError: a variable, the profile or any credentials are missing.
    """
    region = source.region or _environment_region() or DEFAULT_REGION
    if source.anonymous:
        found = Signer(region)
    elif source.access_key_id_env is not None or keys is not None:
        given = _static(source) if source.access_key_id_env is not None or keys is None else partial(dict, keys)
        found = Signer(region, given) if source.role_arn is None else _from_aws(source, given())
    else:
        found = _from_aws(source)
    key = secret_of(source, "sse_customer_key_env") if source.sse_customer_key_env else None
    return replace(found, customer_key=key)


def _static(source: SourceSettings) -> Callable[[], Credential]:
    key = secret_of(source, "access_key_id_env")
    secret = secret_of(source, "secret_access_key_env")
    token = secret_of(source, "session_token_env") if source.session_token_env else None
    credential = {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}
    return lambda: credential


def secret_of(source: SourceSettings, setting: str) -> str:
    """The value of the environment variable that a setting names. Raises `SourceError` if it is not set."""
    name = getattr(source, setting)
    value = os.environ.get(name, "")
    if not value:
        raise SourceError(
            f"source {source.name}: {setting} names the environment variable {name}, which is not set; export it"
        )
    return value


def _from_aws(source: SourceSettings, keys: Credential | None = None) -> Signer:
    """The chain of the AWS tools (or `keys`), and the role that is to be assumed with it."""
    from botocore.exceptions import BotoCoreError

    try:
        session = _session(source, keys)
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
    return Signer(region, _provider(source, session, region))


def _session(source: SourceSettings, keys: Credential | None) -> Any:
    import boto3

    if keys is None:
        return boto3.Session(profile_name=source.profile)
    names = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
    given: dict[str, Any] = {names.get(name, "aws_session_token"): keys[name] for name in (*names, "token")}
    return boto3.Session(**given)


def _provider(source: SourceSettings, session: Any, region: str) -> Any:
    from obstore.auth.boto3 import Boto3CredentialProvider

    if source.role_arn is None:
        return Boto3CredentialProvider(session)
    return _AssumedRole(source, session, region)


class _AssumedRole:
    """Credentials of a role, asked for when they are first needed and again before they expire."""

    def __init__(self, source: SourceSettings, session: Any, region: str) -> None:
        self._source, self._session, self._region = source, session, region
        self._held: Credential = {}
        self._lock = Lock()

    def __call__(self) -> Credential:
        with self._lock:
            until = self._held.get("expires_at")
            if not isinstance(until, datetime) or until < datetime.now(UTC) + SPARE:
                self._held = self._assume()
            return self._held

    def _assume(self) -> Credential:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._session.client("sts", region_name=self._region, endpoint_url=self._source.sts_endpoint)
        try:
            answer = client.assume_role(RoleArn=self._source.role_arn, RoleSessionName=f"llmops-{self._source.name}")
        except (BotoCoreError, ClientError) as error:
            raise SourceError(
                f"source {self._source.name}: cannot assume {self._source.role_arn}: {error}; "
                "allow it to the keys that the source starts from"
            ) from None
        finally:
            client.close()
        given = answer["Credentials"]
        return {
            "access_key_id": given["AccessKeyId"],
            "secret_access_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expires_at": given["Expiration"].astimezone(UTC),  # obstore takes no other zone
        }


def _environment_region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
