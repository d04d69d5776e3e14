"""Opening the store that a source names: a local folder, or a bucket of S3, Google Cloud or Azure.

Belongs here: what a source's settings mean to obstore's clients. Who signs is `credentials`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.any_keys import AnyKeys
from llmops_assets.sources.bucket import Bucket
from llmops_assets.sources.credentials import secret_of, signer_of
from llmops_assets.sources.errors import SourceError
from llmops_assets.sources.local import local_folder
from llmops_assets.sources.objects import Store
from llmops_assets.sources.resource import completed

Opened = tuple[Any, Callable[[str], str], AnyKeys | None]
"""A client of obstore, what takes secrets out of a text, and the way around keys that obstore cannot hold."""


def store_of(source: SourceSettings, uri: str | None = None) -> Store:
    """The store of `source`, or one that it reaches at another `uri` with the same keys.

    No request is made; environment variables named by the source are read.

    Raises:
        SourceError: a variable, a profile or the bucket's name is missing.
    """
    address = uri or source.uri
    scheme, found, rest = address.partition("://")
    if not found or scheme == "file":
        return local_folder(source.name, address)
    name, _, prefix = rest.partition("/")
    if not name:
        raise SourceError(f"source {source.name}: {address} names no bucket; write {scheme}://bucket/prefix")
    return Bucket(source.name, f"{scheme}://{name}", prefix.strip("/"), *_CLIENTS[scheme](source, name))


def _s3(source: SourceSettings, name: str) -> Opened:
    from obstore.store import S3Store

    source, keys = completed(source)
    signer = signer_of(source, keys)
    options: dict[str, Any] = {"region": signer.region, "virtual_hosted_style_request": False}
    if signer.provider is None:
        options["skip_signature"] = True
    else:
        options["credential_provider"] = signer.provider
    if source.requester_pays:
        options["request_payer"] = True
    if source.sse_customer_key_env is not None:
        options |= {"server_side_encryption": "sse-c", "sse_customer_key_base64": signer.customer_key}
    return S3Store(name, **options, **_common(source)), signer.redact, AnyKeys(source, name, signer)


def _google(source: SourceSettings, name: str) -> Opened:
    from obstore.store import GCSStore

    unsigned: dict[str, Any] = {"skip_signature": True} if source.anonymous else {}
    return GCSStore(name, **unsigned, **_common(source)), str, None


def _azure(source: SourceSettings, name: str) -> Opened:
    from obstore.store import AzureStore

    options: dict[str, Any] = {"skip_signature": True} if source.anonymous else {}
    secret = ""
    if source.secret_access_key_env is not None:
        secret = options["account_key"] = secret_of(source, "secret_access_key_env")
    if source.account is not None:
        options["account_name"] = source.account
    store = AzureStore(name, **options, **_common(source))
    return store, lambda text: text.replace(secret, "***") if secret else text, None


def _common(source: SourceSettings) -> dict[str, Any]:
    """Time limits, retries with back-off, and the endpoint."""
    limit = timedelta(seconds=source.timeout_seconds)
    client = {
        "allow_http": (source.endpoint or "").startswith("http://"),
        "connect_timeout": min(limit, timedelta(seconds=10)),
        "timeout": limit,
    }
    endpoint = {} if source.endpoint is None else {"endpoint": source.endpoint.rstrip("/")}
    return {
        "client_options": client,
        "retry_config": {"max_retries": 5, "retry_timeout": 3 * limit},
        **endpoint,
    }


_CLIENTS: dict[str, Callable[[SourceSettings, str], Opened]] = {
    "s3": _s3,
    "gs": _google,
    "az": _azure,
}
