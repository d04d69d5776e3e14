"""Formats are files: found by being there, and told apart by the keys of a record."""

from pathlib import Path

import pytest
from decoding import Decoder, flat
from payloads import payload

import llmops_assets.formats
from llmops_assets.formats import Format, all_formats, decoding, format_names
from llmops_assets.tables import RAW_SPEC


def test_every_file_with_a_format_is_found_and_nothing_lists_them() -> None:
    folder = Path(llmops_assets.formats.__file__).parent
    files = [path for path in folder.glob("*.py") if "\nFORMAT = Format(" in path.read_text(encoding="utf-8")]
    assert {path.stem for path in files} == set(format_names())
    others = [path for path in folder.glob("*.py") if path not in files]
    named = [f"{path.name} names {name}" for path in others for name in format_names() if name in path.read_text()]
    assert [line for line in named if "litellm" in line] == []


def test_the_most_specific_format_comes_first_and_the_general_one_last() -> None:
    assert [one.rank for one in all_formats()] == sorted(one.rank for one in all_formats())
    assert format_names()[-1] == "flat"


def test_a_payload_is_no_flat_record_and_one_file_may_hold_both(decoder: Decoder) -> None:
    rows = decoder.rows(flat(), payload(), flat(metadata={"user_api_key_team_id": "t"}))
    assert [row["format"] for row in rows] == ["flat", "litellm_payload", "flat"]


def test_a_format_may_fill_known_columns_only() -> None:
    with pytest.raises(ValueError, match="no such columns: tokens_inputs"):
        Format(name="new", detect="true", struct={}, columns={"tokens_inputs": "null"})


def test_rows_have_the_columns_and_types_of_the_raw_table_in_order(decoder: Decoder) -> None:
    decoder.row(flat())
    described = decoder.connection.execute(f"describe {decoding(decoder.connection, 'lines', 'objects')}").fetchall()
    spelled = {"varchar": "VARCHAR", "timestamptz": "TIMESTAMP WITH TIME ZONE", "decimal(38,12)": "DECIMAL(38,12)"}
    spelled |= {"map(varchar, varchar)": "MAP(VARCHAR, VARCHAR)"}
    expected = [(column.name, spelled.get(column.type, column.type.upper())) for column in RAW_SPEC.columns]
    assert [(name, kind) for name, kind, *_ in described] == expected
