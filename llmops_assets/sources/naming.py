"""Which objects a file names: a list of keys, an S3 inventory, or event notifications of a bucket.

Belongs here: the shapes that such files have. Which files are read, and what is done with the keys, is
`manifest`.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from llmops_assets.sources.errors import SourceError

SHAPES = (
    'a key per line, JSON with "key", an S3 event notification, or CSV with the keys in the column key, '
    "or after the bucket as an S3 inventory has them"
)

NEVER_ESCAPED = re.compile(r"""[^!-~]|["#&<>?\\^`{|}\[\]]|%(?![0-9A-Fa-f]{2})""")
"""What no escaped key has."""


@dataclass(frozen=True, slots=True)
class Name:
    """A key as a file names it. No bucket: that of the source. No version: whichever there is."""

    key: str
    bucket: str | None = None
    version: str | None = None


def names_in(uri: str, content: bytes) -> Iterator[Name]:
    """The objects that a file names, in its order.

    Raises:
        SourceError: a line names nothing.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unknown(uri, f"byte {error.start} is no UTF-8") from None
    if ".csv" in uri.rpartition("/")[2].lower():
        yield from _of_csv(uri, text)
        return
    for at, value in _values(text):
        try:
            yield from _of_value(value)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise _unknown(uri, f"line {at}") from None


def names_in_text(text: str) -> list[Name] | None:
    """The objects that one record names; None if it is nothing that names any."""
    try:
        return [name for _, value in _values(text) for name in _of_value(value)]
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _unknown(uri: str, what: str) -> SourceError:
    return SourceError(f"{uri}: {what} names no object; allowed: {SHAPES}")


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """The JSON values of a document or of lines, with their lines; a line that is no JSON is a key itself."""
    if text.lstrip().startswith(("{", "[")):
        try:
            yield 1, json.loads(text)
        except ValueError:
            pass
        else:
            return
    for at, line in enumerate(text.split("\n"), 1):
        if bare := line.strip("\r"):
            yield at, _value(bare)


def _value(line: str) -> Any:
    if not line.startswith(("{", "[", '"')):
        return line
    try:
        return json.loads(line)
    except ValueError:
        return None  # which names nothing


def _of_value(value: Any) -> Iterator[Name]:
    if isinstance(value, str):
        yield Name(value)
    elif isinstance(value, list):
        for one in value:
            yield from _of_value(one)
    elif "Records" in value:
        yield from _of_value(value["Records"])
    elif "s3" in value:
        yield from _of_notification(value)
    elif "detail" in value:
        yield from _of_bridge(value)
    elif isinstance(value.get("Message"), str):  # as SNS wraps it
        yield from _of_value(json.loads(value["Message"]))
    elif value.get("Event") != "s3:TestEvent":
        yield Name(value["key"], value.get("bucket"), _tag(value.get("etag")))


def _of_notification(event: dict[str, Any]) -> Iterator[Name]:
    if "ObjectCreated" in event["eventName"]:
        one, bucket = event["s3"]["object"], event["s3"]["bucket"]["name"]
        yield Name(_unescaped(one["key"]), bucket, _tag(one.get("eTag")))


def _unescaped(key: str) -> str:
    """The key that a notification means: S3 and MinIO escape it, versitygw does not."""
    return key if NEVER_ESCAPED.search(key) else unquote_plus(key)


def _of_bridge(event: dict[str, Any]) -> Iterator[Name]:
    if event["detail-type"] == "Object Created":
        one, bucket = event["detail"]["object"], event["detail"]["bucket"]["name"]
        yield Name(one["key"], bucket, _tag(one.get("etag")))


def _of_csv(uri: str, text: str) -> Iterator[Name]:
    rows = csv.reader(text.splitlines(keepends=True))
    first = next(rows, None)
    if first is None:
        return
    header = [name.strip().lower() for name in first]
    if "key" in header:
        yield from _of_table(uri, header, rows)
        return
    for at, row in enumerate([first, *rows], 1):
        if len(row) < 2:
            raise _unknown(uri, f"line {at}")
        yield Name(unquote_plus(row[1]), row[0])


def _of_table(uri: str, header: list[str], rows: Iterable[list[str]]) -> Iterator[Name]:
    for at, row in enumerate(rows, 2):
        cells = dict(zip(header, row, strict=False))
        if not row:
            continue
        if not cells.get("key"):
            raise _unknown(uri, f"line {at}")
        yield Name(cells["key"], cells.get("bucket") or None, _tag(cells.get("etag")))


def _tag(text: str | None) -> str | None:
    return (text or "").strip('"') or None
