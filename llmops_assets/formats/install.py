"""Installs into a DuckDB connection what the decoder's SQL calls: macros, name tables, the redaction.

The macros are the .sql files under `sql`; the CSV files become constant maps, which cost as little for a row
as a CASE and a tenth of it to plan, and need no join for each batch.
"""

import csv
from collections.abc import Iterator
from importlib.resources import files

import duckdb

from llmops_assets.formats.names import install_names
from llmops_assets.formats.redaction import redacted

MACROS = ("json", "values", "identifiers", "tags", "meaning", "models", "otlp", "langfuse", "replies")
REDACT = "llm_redacted"
MACRO_OF = {
    "operation": "llm_operation",
    "status": "llm_status",
    "finish": "llm_finish_word",
    "service_tier": "llm_service_tier_word",
}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Install the macros; may be called again on the same connection."""
    connection.execute(_alias_macro())
    install_names(connection)
    connection.execute(_word_macros())
    for name in MACROS:
        connection.execute((files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    _install_redaction(connection)


def _install_redaction(connection: duckdb.DuckDBPyConnection) -> None:
    """A Python function: it runs only on rejected rows, which are rare."""
    found = connection.execute("select count(*) from duckdb_functions() where function_name = ?", [REDACT]).fetchone()
    if found == (0,):
        connection.create_function(REDACT, redacted, ["VARCHAR"], "VARCHAR")


def _rows(name: str) -> Iterator[list[str]]:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines())
    next(rows)
    return rows


def _alias_macro() -> str:
    """Canonical name of a provider, for its lower-case spelling with underscores; NULL if not listed."""
    return _lookup("llm_provider_alias", dict(_rows("provider_aliases.csv")))


def _word_macros() -> str:
    """A macro for each vocabulary: what a word in lower case means; NULL if not listed."""
    meanings: dict[str, dict[str, str]] = {}
    for vocabulary, word, meaning in _rows("words.csv"):
        meanings.setdefault(vocabulary, {})[word] = meaning
    return ";".join(_lookup(MACRO_OF[vocabulary], words) for vocabulary, words in meanings.items())


def _lookup(macro: str, meanings: dict[str, str]) -> str:
    entries = ", ".join(f"'{word}': '{meaning}'" for word, meaning in meanings.items())
    return f"create or replace macro {macro}(word) as map {{{entries}}}[word]"
