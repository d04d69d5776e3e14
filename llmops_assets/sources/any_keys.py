"""Keys that obstore cannot hold, such as `a//b`: listed and read through boto3, which takes any key.

Its listings are some five times slower, so that a bucket of S3 goes this way for these keys only, and for the rest
of a listing in which it met one.
"""

import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC
from functools import cached_property
from typing import Any, NoReturn

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.credentials import Signer
from llmops_assets.sources.errors import ObjectChanged, ObjectGone, ObjectUnreadable, SourceError
from llmops_assets.sources.objects import Entry, ObjectRef

ATTEMPTS = 5
FIRST_PAUSE_S = 0.2
CURE = "keys with an empty segment, . or .. cannot be read here: rename that object"


def is_odd(key: str) -> bool:
    """Whether a key, or a prefix up to a slash, has a segment that is no name of a file: obstore refuses these."""
    return key != "" and not {"", ".", ".."}.isdisjoint(key.removesuffix("/").split("/"))


class AnyKeys:
    """The objects of one bucket of S3 under any keys; nothing is asked for before it is needed."""

    def __init__(self, source: SourceSettings, bucket: str, signer: Signer) -> None:
        self._source, self._bucket, self._signer = source, bucket, signer

    def walk(self, prefix: str, after: str = "") -> Iterator[Entry]:
        """Every object whose key begins with `prefix` and comes behind another."""
        for page in self._pages(prefix, StartAfter=after):
            yield from map(_entry, page.get("Contents", ()))

    def level(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """The prefixes up to the next slash, and the objects without one."""
        folders: list[str] = []
        entries: list[Entry] = []
        for page in self._pages(prefix, Delimiter="/"):
            folders += [one["Prefix"] for one in page.get("CommonPrefixes", ())]
            entries += map(_entry, page.get("Contents", ()))
        return folders, entries

    def look(self, key: str, uri: str) -> Entry | None:
        """The object as it is now."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key, **self._of_objects)
        except self._errors as error:
            if _status(error) == 404:
                return None
            raise ObjectUnreadable(self._source.name, uri, self._text(error)) from None
        return _entry({"Key": key, "Size": found["ContentLength"], **found})

    def get(self, ref: ObjectRef, options: dict[str, Any], condition: dict[str, str]) -> tuple[bytes, str | None]:
        """Bytes of the listed version, and its id in a versioned bucket."""
        asked: dict[str, Any] = {"Bucket": self._bucket, "Key": ref.key} | self._of_objects
        if "range" in options:
            asked["Range"] = f"bytes={options['range'][0]}-{options['range'][1] - 1}"
        if "version" in options:
            asked["VersionId"] = options["version"]
        if condition:
            asked["IfMatch"] = condition["if_match"]
        for attempt in range(ATTEMPTS):
            try:
                answer = self._client.get_object(**asked)
                return answer["Body"].read(), answer.get("VersionId")
            except self._errors as error:
                status = _status(error)
                if status is not None or attempt == ATTEMPTS - 1:  # the client itself asks again after a 503
                    self._refuse(ref, error, status)
            time.sleep(FIRST_PAUSE_S * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _refuse(self, ref: ObjectRef, error: Exception, status: int | None) -> NoReturn:
        if status == 412:
            raise ObjectChanged(ref.uri) from None
        if status == 404:
            raise ObjectGone(ref.uri) from None
        raise ObjectUnreadable(self._source.name, ref.uri, self._text(error)) from None

    def _pages(self, prefix: str, **asked: str) -> Iterator[Any]:
        payer = {"RequestPayer": "requester"} if self._source.requester_pays else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, **asked, **payer
        )
        try:
            yield from pages
        except self._errors as error:
            raise SourceError(
                f"source {self._source.name}: cannot list s3://{self._bucket}/{prefix}: check endpoint, region and "
                f"that the keys may list it ({self._text(error)})"
            ) from None

    def _text(self, error: Exception) -> str:
        return self._signer.redact(" ".join(str(error).split()))[:600]

    @cached_property
    def _errors(self) -> tuple[type[Exception], ...]:
        from botocore.exceptions import BotoCoreError, ClientError

        return BotoCoreError, ClientError

    @cached_property
    def _of_objects(self) -> dict[str, Any]:
        found: dict[str, Any] = {"RequestPayer": "requester"} if self._source.requester_pays else {}
        if self._signer.customer_key is not None:
            found |= {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b64decode(self._signer.customer_key)}
        return found

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore import UNSIGNED
        from botocore.config import Config

        limit = self._source.timeout_seconds
        signed = self._signer.provider() if self._signer.provider else {}
        config = Config(
            signature_version="s3v4" if signed else UNSIGNED,
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 1 + ATTEMPTS},
            connect_timeout=min(limit, 10),
            read_timeout=limit,
            max_pool_connections=64,
        )
        keys = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
        given: dict[str, Any] = {keys.get(name, "aws_session_token"): signed.get(name) for name in (*keys, "token")}
        place: dict[str, Any] = {"region_name": self._signer.region, "endpoint_url": self._source.endpoint}
        return boto3.Session().client("s3", config=config, **place, **given)


def _status(error: Exception) -> int | None:
    answer: Any = getattr(error, "response", {})
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None


def _entry(found: Any) -> Entry:
    """An object as obstore's entries are: the ETag of a strong one without its quotes."""
    etag = str(found["ETag"])
    version = etag.strip('"') if etag.startswith('"') else etag
    return Entry(found["Key"], version, found["Size"], found["LastModified"].astimezone(UTC))
