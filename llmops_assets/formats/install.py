"""Installs into a DuckDB connection what the decoder's SQL calls: macros, name tables, the redaction.

The macros are the .sql files under `sql`; the two CSV files become CASE expressions, which cost less than
a join for each batch.
"""

import csv
from collections.abc import Iterator
from importlib.resources import files

import duckdb

from llmops_assets.formats.redaction import redacted

MACROS = ("values", "identifiers", "tags", "meaning", "models")
REDACT = "llm_redacted"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Install the macros; may be called again on the same connection."""
    connection.execute(_alias_macro())
    connection.execute(_inference_macro())
    for name in MACROS:
        connection.execute((files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    _install_redaction(connection)


def _install_redaction(connection: duckdb.DuckDBPyConnection) -> None:
    """A Python function: it runs only on rejected rows, which are rare."""
    found = connection.execute(
        "select count(*) from duckdb_functions() where function_name = ?", [REDACT]
    ).fetchone()
    if found == (0,):
        connection.create_function(REDACT, redacted, ["VARCHAR"], "VARCHAR")  # type: ignore[list-item, arg-type]


def _rows(name: str) -> Iterator[tuple[str, str]]:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines())
    next(rows)
    return ((key, provider) for key, provider in rows)


def _alias_macro() -> str:
    """Canonical name of a provider, for its lower-case spelling with underscores; NULL if not listed."""
    cases = " ".join(f"when '{alias}' then '{provider}'" for alias, provider in _rows("provider_aliases.csv"))
    return f"create or replace macro llm_provider_alias(name) as case name {cases} end"


def _inference_macro() -> str:
    """The provider whose models are named so; NULL if no pattern matches."""
    cases = " ".join(
        f"when regexp_matches(lower(model), '{pattern}') then '{provider}'"
        for pattern, provider in _rows("model_providers.csv")
    )
    return f"create or replace macro llm_inferred_provider(model) as case {cases} end"
