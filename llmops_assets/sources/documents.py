"""JSON that is not one record per line: arrays, and documents that span lines.

Elements keep their source text character for character, so that no number passes through a float. Python's
own scanner finds where a value ends; what it builds is dropped.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from llmops_assets.sources.rows import Row, record

_BLANK = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _drop(_: Any) -> None:
    return None


# Numbers stay text: int() refuses more than 4300 digits. Objects are dropped as they close, to save memory.
_DECODER: Any = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse, object_pairs_hook=_drop)


class NotJsonError(ValueError):
    """The text is no JSON document."""


def is_value(text: str) -> bool:
    """True if `text` is exactly one JSON value."""
    try:
        return _blank_end(text, _value_end(text, _blank_end(text, 0))) == len(text)
    except NotJsonError:
        return False


def elements(text: str) -> list[str] | None:
    """The source text of each element of a JSON array, or None if `text` is none."""
    try:
        return list(_elements(text))
    except NotJsonError:
        return None


def document_rows(text: str) -> list[Row] | None:
    """The records of a whole file: an array's elements, or the one object; None if it is no document.

    They are all at line 1; only those of an array are numbered.
    """
    text = text.strip(" \t\r\n")
    if text.startswith("["):
        found = elements(text)
        return None if found is None else [record(1, one, index) for index, one in enumerate(found)]
    return [record(1, text)] if is_value(text) else None


def _elements(text: str) -> Iterator[str]:
    at = _expect(text, _blank_end(text, 0), "[")
    at = _blank_end(text, at)
    while text[at : at + 1] != "]":
        end = _value_end(text, at)
        yield text[at:end]
        at = _blank_end(text, end)
        if text[at : at + 1] == ",":
            at = _blank_end(text, at + 1)
            if text[at : at + 1] == "]":
                raise NotJsonError(f"a comma before ] at {at}")
        elif text[at : at + 1] != "]":
            raise NotJsonError(f"neither , nor ] at {at}")
    if _blank_end(text, at + 1) != len(text):
        raise NotJsonError(f"something follows the array at {at + 1}")


def _expect(text: str, at: int, character: str) -> int:
    if text[at : at + 1] != character:
        raise NotJsonError(f"no {character} at {at}")
    return at + 1


def _value_end(text: str, at: int) -> int:
    try:
        end: int = _DECODER.scan_once(text, at)[1]
    except (ValueError, StopIteration, RecursionError) as error:
        raise NotJsonError(f"no JSON value at {at}") from error
    return end


def _blank_end(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
