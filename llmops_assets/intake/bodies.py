"""From the body of a request to lines that can be stored: one JSON object each, byte for byte as it was sent.

Belongs here: decompression within a bound, the three shapes of a body (NDJSON, one object, an array), and
finding the line that is wrong. Every record is parsed once, but what is stored is its text: no number and no
name passes through a parser. Nothing of a record goes into a message.
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from llmops_assets.intake.errors import Refused
from llmops_assets.sources.compression import GZIP, ZSTD, decompressed
from llmops_assets.sources.documents import elements
from llmops_assets.sources.errors import CorruptStream

MAGIC = {"gzip": GZIP, "x-gzip": GZIP, "zstd": ZSTD}
_MARK = b"\xef\xbb\xbf"
_BREAKS = bytes.maketrans(b"\r\n", b"  ")

Allowed = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Taken:
    """The records of a body: whole lines with their newlines, and how many were left out."""

    data: bytes
    events: int
    quarantined: int = 0


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its compression.

    Raises:
        Refused: the encoding is not known, the stream is damaged, or there is more than `limit` in it.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in MAGIC:
        raise Refused(415, f"Content-Encoding {name[:40]!r} is not supported; send gzip, zstd or none")
    if not body.startswith(MAGIC[name]):
        raise Refused(400, f"the body is not {name}, as its Content-Encoding says")
    if MAGIC[name] == GZIP and (quick := _gzip(body, limit)) is not None:
        return quick
    return _bounded(decompressed(iter([body])), limit, name)


def _gzip(body: bytes, limit: int) -> bytes | None:
    """A body of one sound member at once; None for any other, which the slower way judges."""
    inner = zlib.decompressobj(wbits=31)
    try:
        data = inner.decompress(body, limit + 1)
    except zlib.error:
        return None
    return data if inner.eof and not inner.unused_data and len(data) <= limit else None


def _bounded(chunks: Iterable[bytes], limit: int, name: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            parts.append(chunk)
    except CorruptStream as error:
        raise Refused(400, f"the {name} stream of the body is damaged or cut short") from error
    return b"".join(parts)


def too_large(limit: int) -> Refused:
    """The answer to a body of more than `limit` bytes."""
    return Refused(413, f"the body is larger than {limit} bytes, sent or decompressed; send smaller batches")


def records_of(body: bytes, allowed: Allowed | None = None) -> Taken:
    """The records of a body; those that are not `allowed` are left out and counted.

    Raises:
        Refused: a line is no JSON object, or there is none at all; nothing may be stored then.
    """
    content = body.removeprefix(_MARK)
    if content.lstrip().startswith(b"["):
        lines = _array(content)
    else:
        lines = [line for line in content.split(b"\n") if line and not line.isspace()]
    if not lines:
        raise Refused(400, "the body holds no record; send JSON objects, one a line")
    try:
        kept = [line for line in lines if _is_allowed(line, allowed)]
    except (ValueError, TypeError):
        lines = [_whole(content)]
        kept = [line for line in lines if _is_allowed(line, allowed)]
    return Taken(b"\n".join([*kept, b""]) if kept else b"", len(kept), len(lines) - len(kept))


def _is_allowed(line: bytes, allowed: Allowed | None) -> bool:
    value = _object(line)
    return allowed is None or allowed(value)


def _object(line: bytes) -> dict[str, Any]:
    value = orjson.loads(line)
    if type(value) is not dict:
        raise TypeError
    return value


def _array(content: bytes) -> list[bytes]:
    """The elements of an array, each on a line of its own: a line break between tokens becomes a space."""
    try:
        found = elements(content.decode())
    except UnicodeDecodeError:
        raise _wrong_encoding(content) from None
    if found is None:
        raise Refused(400, "line 1: the body opens like a JSON array, but is none")
    lines = [one.encode().translate(_BREAKS) for one in found]
    for number, line in enumerate(lines):
        if (reason := _fault(line)) is not None:
            raise Refused(400, f"element {number} of the array: {reason}")
    return lines


def _whole(content: bytes) -> bytes:
    """One line of an object over several lines, as people type it; of anything else the wrong line is named."""
    try:
        _object(content)
    except (ValueError, TypeError):
        raise _first_fault(content) from None
    return content.translate(_BREAKS).strip()


def _first_fault(content: bytes) -> Refused:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip() and (reason := _fault(line)) is not None:
            return Refused(400, f"line {number}: {reason}; nothing of the body was stored")
    return Refused(400, "the body is not JSON; nothing of it was stored")


def _wrong_encoding(content: bytes) -> Refused:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if (reason := _fault(line)) == "not UTF-8":
            return Refused(400, f"line {number}: {reason}; nothing of the body was stored")
    return Refused(400, "the body is not UTF-8; nothing of it was stored")


def _fault(line: bytes) -> str | None:
    """What is wrong with a line, without any of its text."""
    try:
        line.decode()
        _object(line)
    except UnicodeDecodeError:
        return "not UTF-8"
    except TypeError:
        return "JSON, but not an object"
    except ValueError:
        return "not valid JSON"
    return None
