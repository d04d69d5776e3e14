"""Takes the contents out of a rejected record, so that it can be kept for inspection.

A content field (messages, prompt, output …, at any depth) and any text over 256 characters become
`{"length": n, "sha256": "…"}`; numbers, booleans and nulls stay. Contents of accepted records need no
redaction: the decoder never reads them.
"""

import hashlib
import json
import re

MAX_TEXT = 256
# A field is content if its name has one of these words, or ends in one of those.
CONTENT_WORDS = frozenset("message messages prompt prompts content contents completion completions".split())
CONTENT_ENDINGS = frozenset(
    """input inputs output outputs response responses choice choices text texts system instruction
    instructions tool tools function functions call calls argument arguments query question answer transcript
    request body headers parts candidates delta reasoning thinking documents images audio data summary traceback
    stacktrace""".split()
)
# … unless the name ends so: it says something about the content, or about an error.
ABOUT_ENDINGS = frozenset(
    """id ids tokens token cost costs count total ms at time type role model name names reason status code
    hash key version tier length bytes slug url details class provider""".split()
)
ERROR_WORDS = frozenset(("error", "err", "errors"))
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class _Pairs(list[tuple[str, object]]):
    """A JSON object as written, repeated keys included."""


class _Number(str):
    """A JSON number as written: int() refuses more than 4,300 digits, and a float may be another number."""

    __slots__ = ()


def redacted(text: str) -> str:
    """JSON `text` without contents; only its length and hash where Python cannot read what DuckDB could."""
    try:
        return _render(_parsed(text), is_content=True)
    except (ValueError, RecursionError):
        return _digest(text)


def _parsed(text: str) -> object:
    value: object = json.loads(text, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number)
    return value


def is_content(key: str) -> bool:
    """Whether a field of this name holds message contents."""
    words = [word.lower() for word in WORD.findall(key.removesuffix(".value"))]
    if not words or words[-1] in ABOUT_ENDINGS or not ERROR_WORDS.isdisjoint(words):
        return False
    return words[-1] in CONTENT_ENDINGS or not CONTENT_WORDS.isdisjoint(words)


def _render(value: object, *, is_content: bool) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, _Number):
        return value if len(value) <= MAX_TEXT else _digest(value)
    if isinstance(value, _Pairs):
        held = _attribute(value)
        return "{" + ", ".join(f"{_key(key)}: {_member(held or key, item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_render(item, is_content=is_content) for item in value) + "]"
    if is_content or len(str(value)) > MAX_TEXT:
        return _digest(value)
    return json.dumps(_without_contents(str(value)), ensure_ascii=False)


def _without_contents(text: str) -> str:
    """A short text as it is; what contents there are in it as JSON are taken out."""
    if not text.startswith(("{", "[")):
        return text
    try:
        # An escape of half a surrogate pair in it is no character, and DuckDB takes no such text back.
        return _render(_parsed(text), is_content=False).encode(errors="replace").decode()
    except (ValueError, RecursionError):
        return text


def _attribute(pairs: _Pairs) -> str | None:
    """The name that `{"key": …, "value": …}` gives its value, if that is content; so OpenTelemetry has attributes."""
    names = (item for key, item in pairs if key == "key" and isinstance(item, str))
    return next((name for name in names if is_content(name)), None)


def _member(key: str, value: object) -> str:
    if is_content(key) and not isinstance(value, bool | _Number | None):
        return _digest(value)
    return _render(value, is_content=False)


def _key(key: str) -> str:
    return json.dumps(key if len(key) <= MAX_TEXT else _digest(key), ensure_ascii=False)


def _digest(value: object) -> str:
    text = value if isinstance(value, str) else _text(value)
    return json.dumps({"length": len(text), "sha256": hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()})


def _text(value: object) -> str:
    """JSON text of a parsed value, contents included; only its length and hash are kept."""
    if isinstance(value, _Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {_text(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
