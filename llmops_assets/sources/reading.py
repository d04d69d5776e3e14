"""Which reader an object needs, told by its content; its name only tells CSV.

Belongs here: the choice. Each kind of content has a module of its own.
"""

import re
from collections.abc import Iterator

import pyarrow as pa

from llmops_assets.sources.compression import MAX_RATIO
from llmops_assets.sources.content import Content
from llmops_assets.sources.csv_rows import read_csv
from llmops_assets.sources.documents import document_rows, is_value
from llmops_assets.sources.lines import read_lines
from llmops_assets.sources.parquet_rows import MAGIC, read_parquet
from llmops_assets.sources.rows import batches_of

_CSV = re.compile(r"\.csv(?![a-z])(?!.*\.(json|jsonl|ndjson)\b)", re.IGNORECASE)
_FIRST = re.compile(rb"[^ \t\r\n]")


def read_object(
    key: str, chunks: Iterator[bytes], max_line_bytes: int, max_ratio: int = MAX_RATIO
) -> Iterator[pa.RecordBatch]:
    """The records and rejects of one object, in order."""
    content = Content(chunks, max_ratio)
    if content.look(lambda head: len(head) >= len(MAGIC)).startswith(MAGIC):
        return read_parquet(iter(content))
    if _CSV.search(key.rpartition("/")[2]):
        return read_csv(iter(content), max_line_bytes)
    return _json(content, max_line_bytes)


def _json(content: Content, max_line_bytes: int) -> Iterator[pa.RecordBatch]:
    if _may_be_document(content, max_line_bytes):
        head = content.look(lambda head: len(head) > max_line_bytes)
        rows = document_rows(_text(head) or "") if content.is_whole and len(head) <= max_line_bytes else None
        if rows is not None:
            return batches_of(rows)
    return read_lines(iter(content), max_line_bytes)


def _may_be_document(content: Content, max_line_bytes: int) -> bool:
    """True if the content opens like JSON, but not with a line that is a whole value."""
    head = content.look(lambda head: len(head) > max_line_bytes or _FIRST.search(head) is not None)
    first = _FIRST.search(head)
    if first is None or first.group() not in b"[{":
        return False
    start = first.start()
    head = content.look(lambda head: len(head) > max_line_bytes or b"\n" in head[start:])
    end = head.find(b"\n", start)
    line = head[start : end if end >= 0 else len(head)]
    if len(line) > max_line_bytes:
        return False
    text = _text(line)
    return text is not None and not is_value(text)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
