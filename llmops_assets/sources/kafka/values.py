"""Values that are more, or something else, than one line with a JSON object, each as the records it holds.

The rules are those of a small file: JSON per line, an array, a document over many lines, compressed or not. The usual
ways of a producer, an array, a newline at the end or lines of objects, are split here; all others go through the
reader of files, which takes 0.1 ms to begin.
"""

from llmops_assets.sources.documents import elements, is_value
from llmops_assets.sources.reading import read_object
from llmops_assets.sources.rows import Row, reject

_BLANKS = " \t\r"


def texts_of(value: bytes, max_bytes: int) -> tuple[list[str], bool] | None:
    """The records of a value that is an array or lines of objects beyond doubt, and whether they are numbered."""
    if len(value) > max_bytes or not value.startswith((b"{", b"[")):
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    found = elements(text) if text.startswith("[") else _lines(text)
    return None if found is None else (found, text.startswith("[") or len(found) > 1)


def _lines(text: str) -> list[str] | None:
    """One object, or many, each on a line; None if it may be a document that spans lines, or holds arrays."""
    lines = [line.removesuffix("\r") for line in text.split("\n") if line.strip(_BLANKS)]
    if len(lines) == 1:
        return lines
    if any(line.lstrip(_BLANKS).startswith("[") for line in lines):
        return None
    return lines if is_value(lines[0]) else None


def records_of(offset: int, value: bytes, max_bytes: int) -> list[Row]:
    """The records of any value, at its offset; numbered if they are many or the elements of an array."""
    if len(value) > max_bytes:
        return [reject(offset, value, "line_too_long")]
    rows = [
        Row(*row)
        for batch in read_object("", iter([value]), max_bytes)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]
    if len(rows) == 1 and rows[0].record_index is None:
        return [rows[0]._replace(line=offset)]
    return [row._replace(line=offset, record_index=index) for index, row in enumerate(rows)]
