"""Rules about names of models, from CSV files, as macros of DuckDB.

Belongs here: how the rows of `model_names.csv`, `model_providers.csv` and `model_families.csv` become SQL. What
the rules are is data, each row with an example; the macros that put the steps together are `sql/models.sql`.
Every macro looks for a character that its rules need before it tries an expression: most names have none.
"""

import csv
from collections.abc import Iterator
from importlib.resources import files

import duckdb

Row = dict[str, str]
LISTS = ("scope", "vendor")
CROSS_REGION = r"^({scope})\.({vendor})\."


def rules(name: str) -> list[Row]:
    """The rows of a CSV file beside this module, with `{scope}` and `{vendor}` of patterns filled in."""
    rows = list(_rows(name))
    return [row | {"pattern": _filled(row["pattern"])} if "pattern" in row else row for row in rows]


def macros() -> Iterator[str]:
    """What is installed for names of models."""
    yield _replacing("llm_unwrapped", _step("unwrap"), guard="contains(model, '/')")
    yield _first("llm_revealed", [(one["pattern"], one["result"]) for one in _step("opaque")], "contains(model, '/')")
    yield _replacing("llm_bedrock_unrouted", _step("route"), guard="contains(model, '/')")
    yield _replacing("llm_unsuffixed", _step("suffix"), guard="contains(model, '@')")
    yield _replacing("llm_model_stem", _step("stem"), guard="true")
    yield _macro("llm_region_scope", f"nullif(regexp_extract(model, {_text(_filled(CROSS_REGION))}, 1), '')")
    yield _inference()
    yield _family()
    # Of distinct names, not of every row: it tries one expression after another.
    yield _macro("llm_model_family", "llm_family_of_stem(llm_model_stem(lower(trim(model))))")


def install_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Install the macros; may be called again on the same connection."""
    connection.execute(";".join(macros()))


def families(events: str) -> str:
    """SQL of every name of a model in the relation `events` that has a family, with it."""
    # The few names first: DuckDB would ask for the family of every row.
    return (
        f"with pairs as materialized (select distinct model, requested_model from {events}), "
        "names as materialized (select model as model_name from pairs union select requested_model from pairs), "
        "known as materialized (select model_name, llm_model_family(model_name) as model_family from names) "
        "select * from known where model_family is not null"
    )


def _rows(name: str) -> Iterator[Row]:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def _step(step: str) -> list[Row]:
    return [row for row in rules("model_names.csv") if row["step"] == step]


def _filled(pattern: str) -> str:
    """The pattern with lists in place of their names; the longer word first, as `us-gov` before `us`."""
    for one in LISTS:
        if f"{{{one}}}" in pattern:
            words = [row["pattern"] for row in _rows("model_names.csv") if row["step"] == one]
            pattern = pattern.replace(f"{{{one}}}", "|".join(sorted(words, key=len, reverse=True)))
    return pattern


def _replacing(name: str, steps: list[Row], guard: str) -> str:
    """Each rule in its turn, on what the one before left."""
    sql = "model"
    for row in steps:
        sql = f"regexp_replace({sql}, {_text(row['pattern'])}, {_text(row['result'])})"
    return _macro(name, f"case when {guard} then {sql} else model end")


def _first(name: str, cases: list[tuple[str, str]], guard: str) -> str:
    """The first rule that matches; NULL where it leaves nothing."""
    whens = " ".join(
        f"when regexp_matches(model, {_text(pattern)}) "
        f"then nullif(regexp_replace(model, {_text(pattern)}, {_text(result)}), '')"
        for pattern, result in cases
    )
    return _macro(name, f"case when {guard} then case {whens} else model end else model end")


def _inference() -> str:
    """The provider whose models are named so; NULL if no pattern matches."""
    found = " ".join(
        f"when regexp_matches(lower(model), {_text(row['pattern'])}) then {_text(row['provider'])}"
        for row in rules("model_providers.csv")
    )
    return _macro("llm_inferred_provider", f"case {found} end")


def _family() -> str:
    """The family of a stem, by the first rank that has a rule for it; NULL if none has."""
    ranked = sorted(rules("model_families.csv"), key=lambda row: int(row["rank"]))
    found = " ".join(
        f"when regexp_matches(model, {_text(row['pattern'])}) "
        f"then regexp_replace(model, {_text('(?:' + row['pattern'] + ').*$')}, {_text(row['family'])})"
        for row in ranked
    )
    return _macro("llm_family_of_stem", f"case {found} end")


def _macro(name: str, sql: str) -> str:
    return f"create or replace macro {name}(model) as {sql}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
