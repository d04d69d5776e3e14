"""What a source takes from a `dagster_aws` `S3Resource` that a site has already.

The resource is named by its place in Python, so that `llmops sync`, sensors and runs find the same one. Only its
attributes are read: nothing here needs Dagster.
"""

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.errors import SourceError

_SETTINGS = {"endpoint": "endpoint_url", "region": "region_name", "profile": "profile_name"}


def completed(source: SourceSettings) -> tuple[SourceSettings, Mapping[str, str | datetime | None] | None]:
    """The source with what its resource says and it does not say itself, and the resource's keys if it has any.

    Raises:
        SourceError: the resource cannot be imported or is none.
    """
    if source.s3_resource is None:
        return source, None
    resource = _imported(source)
    given = {
        setting: getattr(source, setting) or _value(resource, attribute) for setting, attribute in _SETTINGS.items()
    }
    anonymous = source.anonymous or bool(_value(resource, "use_unsigned_session"))
    key, secret = _value(resource, "aws_access_key_id"), _value(resource, "aws_secret_access_key")
    token = _value(resource, "aws_session_token")
    keys = {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}
    return source.model_copy(update={**given, "anonymous": anonymous}), keys if key and secret else None


def _imported(source: SourceSettings) -> Any:
    module, _, name = (source.s3_resource or "").partition(":")
    try:
        resource = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SourceError(
            f"source {source.name}: s3_resource {source.s3_resource} cannot be imported: {error}; "
            "write module:name of an S3Resource that the installed code can import"
        ) from error
    if not hasattr(resource, "aws_access_key_id"):
        raise SourceError(
            f"source {source.name}: s3_resource {source.s3_resource} is a {type(resource).__name__}; "
            "name an S3Resource of dagster_aws"
        )
    return resource


def _value(resource: Any, attribute: str) -> Any:
    """An attribute; one that Dagster reads from the environment is read there now."""
    value = getattr(resource, attribute, None)
    from_environment = getattr(value, "get_value", None)
    return from_environment() if from_environment else value
