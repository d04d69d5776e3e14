"""Table definitions: our columns in DuckDB's words, and the same as Iceberg's schema and partitions.

One mapping of types, both ways: casts of written rows are generated from the Iceberg schema, so that no
width or sign of DuckDB's own choosing reaches a file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform, HourTransform, IdentityTransform, Transform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    TimestamptzType,
)

from llmops_assets.lake.errors import LakeError

_SIMPLE: dict[str, IcebergType] = {
    "varchar": StringType(),
    "bigint": LongType(),
    "integer": IntegerType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamptz": TimestamptzType(),
    "timestamp with time zone": TimestamptzType(),
    "date": DateType(),
}
_NAMES: dict[type[IcebergType], str] = {
    StringType: "varchar",
    LongType: "bigint",
    IntegerType: "integer",
    DoubleType: "double",
    BooleanType: "boolean",
    TimestamptzType: "timestamptz",
    DateType: "date",
}
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")
_MAP = re.compile(r"map\((.+?), ?(.+)\)")
_TRANSFORMED = re.compile(r"(hour|day)\((\w+)\)")


@dataclass(frozen=True)
class Column:
    """A column: its name, its DuckDB type and what it means."""

    name: str
    type: str
    doc: str = ""


@dataclass(frozen=True)
class TableSpec:
    """A table of the lake. `partition` holds column names, `hour(column)` or `day(column)`."""

    name: str
    columns: tuple[Column, ...]
    window_column: str | None
    partition: tuple[str, ...] = ()


def columns_of(text: str) -> tuple[Column, ...]:
    """Columns of a table written down as `name | type | meaning` lines."""
    rows = (line.split("|", 2) for line in text.strip().splitlines())
    return tuple(Column(name.strip(), kind.strip(), doc.strip()) for name, kind, doc in rows)


def iceberg_schema(spec: TableSpec) -> Schema:
    """The Iceberg schema of a spec; every column may be NULL."""
    ids = count(len(spec.columns) + 1)
    fields = (
        NestedField(number, column.name, iceberg_type(column.type, ids), required=False, doc=column.doc or None)
        for number, column in enumerate(spec.columns, start=1)
    )
    return Schema(*fields)


def rows_of_spec(spec: TableSpec, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Python rows as an Arrow table with the columns and types of a spec."""
    return pa.Table.from_pylist(list(rows), schema=iceberg_schema(spec).as_arrow())


def iceberg_type(text: str, ids: Iterator[int]) -> IcebergType:
    """The Iceberg type of a DuckDB type. Raises `LakeError` for one that the lake does not hold."""
    text = text.lower().strip()
    if text in _SIMPLE:
        return _SIMPLE[text]
    if text.endswith("[]"):
        return ListType(next(ids), iceberg_type(text[:-2], ids), element_required=False)
    if decimal := _DECIMAL.fullmatch(text):
        return DecimalType(int(decimal[1]), int(decimal[2]))
    if entry := _MAP.fullmatch(text):
        key, value = next(ids), next(ids)
        return MapType(key, iceberg_type(entry[1], ids), value, iceberg_type(entry[2], ids), value_required=False)
    raise LakeError(f"type {text!r} cannot be kept in the lake; use one of {', '.join(_SIMPLE)}, decimal, map, []")


def duckdb_type(kind: IcebergType) -> str:
    """The DuckDB type to which values of an Iceberg column are cast."""
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, ListType):
        return f"{duckdb_type(kind.element_type)}[]"
    if isinstance(kind, MapType):
        return f"map({duckdb_type(kind.key_type)},{duckdb_type(kind.value_type)})"
    name = _NAMES.get(type(kind))
    if name is None:
        raise LakeError(f"Iceberg type {kind} is not one that this lake writes; the table was made elsewhere")
    return name


def partition_spec(spec: TableSpec, schema: Schema) -> PartitionSpec:
    """The Iceberg partitions of a spec."""
    fields = (
        _partition_field(entry, PARTITION_FIELD_ID_START + number, schema)
        for number, entry in enumerate(spec.partition)
    )
    return PartitionSpec(*fields)


def _partition_field(entry: str, field_id: int, schema: Schema) -> PartitionField:
    match = _TRANSFORMED.fullmatch(entry)
    column = match[2] if match else entry
    transform: Transform = _transform(match[1] if match else "")
    name = f"{column}_{match[1]}" if match else column
    return PartitionField(schema.find_field(column).field_id, field_id, transform, name)


def _transform(name: str) -> Transform:
    transforms: dict[str, Transform] = {"hour": HourTransform(), "day": DayTransform()}
    return transforms.get(name, IdentityTransform())


def partition_expressions(spec: PartitionSpec, schema: Schema) -> list[str]:
    """DuckDB expressions with one value per partition of the table."""
    return [_expression(field, schema) for field in spec.fields]


def _expression(field: PartitionField, schema: Schema) -> str:
    column = f'"{schema.find_column_name(field.source_id)}"'
    if isinstance(field.transform, HourTransform):
        return f"epoch_us({column}) // 3600000000"
    if isinstance(field.transform, DayTransform):
        return f"epoch_us({column}) // 86400000000"
    return column
