"""From which columns of the request log each column of a table is computed, read from the models' SQL.

Only for models that read the calls of their window and nothing else, where the answer is sure: the calls are
files whose columns are those of the published `llm_requests`. Filters, joins and groups are no lineage here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmops_assets.tables import REQUESTS

if TYPE_CHECKING:
    from sqlglot import exp

CALLS = {"int_llm_requests_priced", REQUESTS}
"""Relations of a scratch database that hold the calls."""
SETTINGS = {"run_settings": {"dedupe_margin_seconds": "bigint", "billing_time_zone": "varchar"}}
"""Relations of one row that a model may read beside the calls, as `warehouse.scratch` mounts them."""

Lineage = dict[str, list[str]]
"""Columns of a table, and for each the columns of `llm_requests` that its value is computed from."""


def lineage_of_models(manifest: Mapping[str, Any], compiled: Mapping[str, str]) -> dict[str, Lineage]:
    """The lineage of every published model whose compiled SQL reads the calls only, by its name."""
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    calls = {name: str(column["data_type"]) for name, column in models[REQUESTS]["columns"].items()}
    found = {}
    for name, node in models.items():
        if name != REQUESTS and name in compiled and "lake" in node["config"].get("meta", {}):
            lineage = lineage_of(compiled[name], list(node["columns"]), calls)
            if lineage is not None:
                found[name] = lineage
    return found


def lineage_of(sql: str, columns: list[str], calls: Mapping[str, str]) -> Lineage | None:
    """The lineage of `columns` in a query over the calls; None if it reads something else or cannot be read."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    query = sqlglot.parse_one(sql, dialect="duckdb")
    own = {expression.alias for expression in query.find_all(exp.CTE)}
    read = {table.name: table for table in query.find_all(exp.Table) if table.name not in own}
    if not read.keys() <= CALLS | SETTINGS.keys() or not _without_settings(query):
        return None
    schema = _schema(read, calls)
    try:
        qualified = qualify(query, dialect="duckdb", schema=schema)
        scope = build_scope(qualified)
        return {
            column: _columns_read(lineage(column, qualified, dialect="duckdb", schema=schema, scope=scope, copy=False))
            for column in columns
        }
    except (SqlglotError, ValueError):  # a form that sqlglot does not follow: better none than a wrong one
        return None


def _without_settings(query: Any) -> bool:
    """Replace single settings by NULL in what is selected; False if another subquery stands for a value there.

    sqlglot follows only the subquery of an expression that holds one, and forgets the columns beside it.
    """
    from sqlglot import exp

    selected = [one for select in query.find_all(exp.Select) for one in select.expressions]
    for subquery in [inner for one in selected for inner in one.find_all(exp.Subquery)]:
        if not {table.name for table in subquery.find_all(exp.Table)} <= SETTINGS.keys():
            return False
        subquery.replace(exp.null())
    return True


def _schema(read: Mapping[str, "exp.Table"], calls: Mapping[str, str]) -> dict[str, Any]:
    """Columns of what is read, nested as sqlglot wants them: database, schema, relation."""
    schema: dict[str, Any] = {}
    for name, table in read.items():
        columns = dict(calls) if name in CALLS else dict(SETTINGS[name])
        schema.setdefault(table.catalog, {}).setdefault(table.db, {})[name] = columns
    return schema


def _columns_read(node: Any) -> list[str]:
    """The columns of calls at the ends of a column's lineage."""
    from sqlglot import exp

    ends = (one for one in node.walk() if not one.downstream and isinstance(one.source, exp.Table))
    return sorted({exp.to_column(one.name).name for one in ends if one.source.name in CALLS})
