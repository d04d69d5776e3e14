"""The page about the wire formats against the decoder."""

import re
from pathlib import Path

from test_formats_conservation import FLAGS as CHECKED_FLAGS

from llmops_assets.formats import all_formats, format_names
from llmops_assets.formats.assemble import FLAGS
from llmops_assets.formats.checks import checked_stage
from llmops_assets.formats.flat import FORMAT as FLAT
from llmops_assets.formats.format import FIELDS
from llmops_assets.formats.shapes import lines_query, shapes_query

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
OF_THE_SPLITTER = {"decompression_error", "line_too_long", "bad_encoding", "malformed_json"}


def section(heading: str) -> str:
    """The text below a heading, up to the next of its level."""
    return re.split(r"^## ", PAGE.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


def listed(heading: str) -> list[str]:
    """The names in the first column of the first table below a heading."""
    first_table = section(heading).split("\n### ")[0]
    return re.findall(r"^\| `(\w+)` \|", first_table, re.MULTILINE)


def test_every_format_is_on_the_page_most_specific_first() -> None:
    assert listed("Formats") == list(format_names())


def test_every_reason_to_reject_is_on_the_page() -> None:
    sql = lines_query("lines") + shapes_query("lines", "objects", ()) + checked_stage(FIELDS)
    reasons = re.findall(r"then\s+'(\w+)'", sql)
    assert len(reasons) == 12
    assert sorted(listed("Reasons to reject")) == sorted({*reasons, *OF_THE_SPLITTER})


def test_every_flag_of_the_decoder_is_on_the_page() -> None:
    assert listed("Flags") == list(FLAGS) == sorted(CHECKED_FLAGS)


def test_every_name_of_a_flat_record_is_on_the_page() -> None:
    names = set(re.findall(r"`(\w+)`", section("Formats")))
    assert sorted(name for name in FLAT.struct if name not in names) == []


def test_every_format_states_its_conventions_in_its_file() -> None:
    for name in format_names():
        file = Path(__file__).resolve().parents[3] / "llmops_assets" / "formats" / f"{name}.py"
        assert "\nConventions." in file.read_text(encoding="utf-8")
    assert len(all_formats()) == len(format_names())
