"""What a lake holds: rows of a query; all values of its tables and files, searched for texts that must not be there."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from llmops_assets.lake import Lake


def rows_of(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the lake's tables by their plain names."""
    with lake.reader(lake.tables()) as connection:
        connection.execute("set schema = 'lake'")
        rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    return rows


def tables_with(wanted: Iterable[str], lake: Lake) -> dict[str, set[str]]:
    """Which of the texts occur in which table, as the user reads it."""
    names = lake.tables()
    with lake.reader(names) as connection:
        stored = {name: _joined(connection.execute(f"from lake.{name}").fetchall()) for name in names}
    return _found({name: {text for text in wanted if text in whole} for name, whole in stored.items()})


def files_with(wanted: Iterable[str], folder: Path) -> dict[str, set[str]]:
    """Which of the texts occur in which file below `folder`: in its bytes or, if it is Parquet, in its rows.

    Files that no snapshot names are searched too.
    """
    found: dict[str, set[str]] = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content, values = path.read_bytes(), _joined(_rows(path)) if path.suffix == ".parquet" else ""
        found[str(path)] = {text for text in wanted if text.encode() in content or text in values}
    return _found(found)


def texts(value: Any) -> Iterator[str]:
    """All texts inside, at any depth, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def _joined(rows: Iterable[Any]) -> str:
    return "\n".join(text for row in rows for text in texts(row))


def _rows(path: Path) -> list[tuple[Any, ...]]:
    """Every row with all columns: the bytes are compressed."""
    with duckdb.connect() as connection:
        query = "from read_parquet(?, hive_partitioning = false)"
        return connection.execute(query, [str(path)]).fetchall()


def _found(places: dict[str, set[str]]) -> dict[str, set[str]]:
    return {place: found for place, found in places.items() if found}
