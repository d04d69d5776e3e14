"""docs/tables.md against the contracts: tables, grains, windows, columns and formulas."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from llmops_assets import tables, usage_tables
from llmops_assets.lake import TableSpec
from llmops_assets.warehouse.views import READ_VIEWS

ROOT = Path(__file__).resolve().parents[2]
_OF_PYTHON = (*vars(tables).values(), *vars(usage_tables).values())
SPECS = {spec.name: spec for spec in _OF_PYTHON if isinstance(spec, TableSpec)}


@cache
def _page() -> str:
    return (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")


def _rows(heading: str) -> Iterator[list[str]]:
    """Cells of the rows of the page's tables that have this heading."""
    blocks = re.findall(rf"^\| {re.escape(heading)} .*\n\|[-|]+\n((?:\|.*\n)+)", _page(), flags=re.MULTILINE)
    for line in "".join(blocks).splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def _contracts() -> dict[str, dict[str, Any]]:
    files = (ROOT / "dbt_project" / "models").rglob("*.yml")
    loaded = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    models = (model for one in loaded for model in one.get("models", []))
    return {model["name"]: model for model in models if "lake" in model.get("config", {}).get("meta", {})}


def _described(model: str) -> dict[str, str]:
    return {column["name"]: " ".join(column["description"].split()) for column in _contracts()[model]["columns"]}


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _documented() -> dict[str, list[str]]:
    return {_names(name)[0]: rest for name, *rest in _rows("table | a row")}


def test_every_table_and_view_of_the_lake_is_on_the_page() -> None:
    assert _documented().keys() == _contracts().keys() | SPECS.keys()
    assert all(f"`{view}` is a view" in _page() for view in READ_VIEWS)


def test_the_page_says_of_what_a_row_is_what_the_description_ends_with() -> None:
    for model, contract in _contracts().items():
        grain = " ".join(contract["description"].split()).partition("Grain: ")[2]
        assert grain, f"the description of {model} does not end with its grain"
        assert _documented()[model][0] + "." == grain


def test_the_page_names_the_window_column_of_every_table() -> None:
    windows = {name: contract["config"]["meta"]["lake"]["window_column"] for name, contract in _contracts().items()}
    windows |= {name: spec.window_column for name, spec in SPECS.items()}
    assert {name: next(iter(_names(cells[1])), None) for name, cells in _documented().items()} == windows


def test_the_key_columns_on_the_page_exist() -> None:
    for model in _contracts():
        assert set(_names(_documented()[model][3])) <= _described(model).keys(), model


def test_the_formulas_on_the_page_are_those_of_the_descriptions() -> None:
    on_the_page = {(_names(table)[0], _names(column)[0]): formula for table, column, formula in _rows("table | column")}
    described = {
        (model, column): re.split("[,;.]", text)[0]
        for model in _contracts()
        for column, text in _described(model).items()
        if " / " in text
    }
    assert on_the_page == described


def test_every_published_column_has_a_type_and_a_description_and_every_contract_is_enforced() -> None:
    for model, contract in _contracts().items():
        assert contract["config"]["contract"] == {"enforced": True}, model
        assert all(column.get("data_type") and column.get("description") for column in contract["columns"]), model
