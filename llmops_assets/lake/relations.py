"""Rows of files as SQL, and SQL as files: always with the columns and types of the table's schema.

DuckDB's own choices (HUGEINT for sums, unsigned counts) never reach a file: every column is cast.
"""

from dataclasses import dataclass

import duckdb
from pyiceberg.table import Table

from llmops_assets.lake.filters import quoted
from llmops_assets.lake.schema import duckdb_type, partition_expressions


@dataclass(frozen=True)
class Written:
    """Files that were written but belong to no snapshot yet."""

    files: list[str]
    rows: int


def write_files(connection: duckdb.DuckDBPyConnection, table: Table, relation: str, folder: str) -> Written:
    """Write the rows of `relation` under `folder`, one file per partition (and thread)."""
    keys = partition_expressions(table.spec(), table.schema())
    names = [f"p{number}" for number in range(len(keys))]
    marks = "".join(f", {key} as {name}" for key, name in zip(keys, names, strict=True))
    by = f", partition_by ({', '.join(names)})" if keys else ""
    target = folder if keys else f"{folder}/0.parquet"
    rows, files = connection.execute(
        f"copy (select *{marks} from (select {_casts(table)} from {relation})) to {quoted(target)} "
        f"(format parquet, compression zstd, compression_level 1, return_files true{by})"
    ).fetchall()[0]
    return Written(list(files) if rows else [], rows)


def _casts(table: Table) -> str:
    return ", ".join(
        f'cast("{field.name}" as {duckdb_type(field.field_type)}) as "{field.name}"' for field in table.schema().fields
    )


def rows_of(table: Table, files: list[str]) -> str:
    """All rows of `files`, with the columns of the table's current schema."""
    empty = ", ".join(
        f'cast(null as {duckdb_type(field.field_type)}) as "{field.name}"' for field in table.schema().fields
    )
    if not files:
        return f"select {empty} where false"
    paths = ", ".join(quoted(file) for file in files)
    if len(table.metadata.schemas) == 1:
        names = ", ".join(f'"{field.name}"' for field in table.schema().fields)
        return f"select {names} from read_parquet([{paths}], hive_partitioning = false)"
    by_name = f"select * from read_parquet([{paths}], hive_partitioning = false, union_by_name = true)"
    return f"select {empty} where false union all by name {by_name}"
