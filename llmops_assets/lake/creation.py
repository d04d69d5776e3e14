"""Tables of the catalog as their specs want them: made if they are not there, given the columns that they lack.

Both are safe beside other processes that do the same. A type is never changed and a column never dropped:
published rows mean what they meant. What a spec says in Iceberg's words belongs to `schema`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import TableAlreadyExistsError
from pyiceberg.table import Table, TableProperties

from llmops_assets.lake.contention import when_free
from llmops_assets.lake.errors import LakeError
from llmops_assets.lake.schema import Column, TableSpec, duckdb_type, iceberg_schema, partition_spec

WINDOW_COLUMN = "llmops.window-column"
# Writers of other engines retry this often; our own commits redo the whole transaction instead.
PROPERTIES = {
    "commit.retry.num-retries": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}


def create(catalog: Catalog, identifier: tuple[str, str], spec: TableSpec) -> None:
    """Make the table of `spec`, unless another process was first."""
    schema = iceberg_schema(spec)
    window = {WINDOW_COLUMN: spec.window_column} if spec.window_column else {}
    # DuckDB writes no field ids: readers find columns by this mapping.
    names = {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}
    with suppress(TableAlreadyExistsError):
        when_free(
            lambda: catalog.create_table(
                identifier,
                schema,
                partition_spec=partition_spec(spec, schema),
                properties=PROPERTIES | window | names,
            )
        )


def evolve(load: Callable[[], Table], spec: TableSpec) -> None:
    """Add the columns of `spec` that the table lacks; `load` gives its newest state.

    Raises:
        LakeError: the table has a column of another type.
    """
    present = {field.name: duckdb_type(field.field_type) for field in load().schema().fields}
    wanted = {field.name: duckdb_type(field.field_type) for field in iceberg_schema(spec).fields}
    for name, kind in wanted.items():
        if present.get(name, kind) != kind:
            raise LakeError(
                f"{spec.name}.{name} is {present[name]} in the lake and {kind} in this version; "
                "rename the table in the catalog, or alter the column there"
            )
    missing = [column for column in spec.columns if column.name not in present]
    if missing:
        when_free(lambda: _add_columns(load(), missing))


def window_column(table: Table) -> str | None:
    """The column whose values lie in a window of the table; None if it has none."""
    return table.properties.get(WINDOW_COLUMN)


def _add_columns(table: Table, missing: Sequence[Column]) -> None:
    extra = iceberg_schema(TableSpec(table.name()[-1], tuple(missing), None))
    with table.update_schema() as update:
        for field in extra.fields:
            update.add_column(field.name, field.field_type, doc=field.doc)
