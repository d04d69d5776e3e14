"""The page and its JSON: whole in themselves, well formed, the same for the same tables."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from report_sql import DAY, NOON, made, report, usd

from llmops_assets.reports.charts import Bar, Step, bars, steps
from llmops_assets.reports.content import Report, report_of
from llmops_assets.reports.files import report_path, write_report
from llmops_assets.reports.page import page
from llmops_assets.settings import ReportsSettings, Settings

NASTY = "<script>alert('1 & 2')</script>"
CALLS: list[dict[str, Any]] = [
    {"tenant_id": NASTY, "feature": '"quoted"', "user_id": "ü & ö", "model": "big", "tokens_input": 1000,
     "tokens_cache_read": 0, "tokens_output": 10, "list_cost_usd": usd("0.0103"), "cache_hit": False,
     "finish_reason": "length", "request_id": "r"},
    {"model": "small", "tokens_input": 10, "tokens_output": 1, "list_cost_usd": usd("0.000013"), "success": False},
    {"tenant_id": None, "user_id": None, "flags": ["unpriced"], "tokens_total": 5},
]  # fmt: skip


@pytest.fixture(scope="module")
def rich() -> Report:
    """A report with something in every part."""
    return report([*CALLS, *({**call, "request_id": "r"} for call in CALLS)])


def _texts(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        yield from (element.text or "", element.tail or "", *element.attrib.values())


def test_the_page_is_well_formed_and_asks_for_nothing_from_anywhere(rich: Report) -> None:
    html = page(rich)
    root = ElementTree.fromstring(html.partition("\n")[2])
    names = {element.tag for element in root.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not attributes & {"src", "href", "srcset", "action", "data", "poster", "style"}
    assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)


def test_names_are_shown_as_they_are_and_never_as_markup(rich: Report) -> None:
    html = page(rich)
    assert "<script" not in html
    texts = list(_texts(ElementTree.fromstring(html.partition("\n")[2])))
    for name in (NASTY, '"quoted"', "ü & ö"):
        assert any(name in text for text in texts), name


def test_every_figure_and_listing_is_on_the_page_with_its_query(rich: Report) -> None:
    html = unescape(page(rich))
    for figure in rich.figures.values():
        assert figure.query.label in html, figure.query.key
        assert f'llmops sql "{figure.sql}"' in html, figure.query.key
    for key, table in rich.tables.items():
        assert not table.rows or f'llmops sql "{table.sql}"' in html, key
    assert [key for key, table in rich.tables.items() if not table.rows] == [
        "routing_recommended",
        "routing_worse",
    ] or all(table.rows for table in rich.tables.values())


def test_no_query_needs_escaping_in_a_shell(rich: Report) -> None:
    queries = [one.sql for one in (*rich.figures.values(), *rich.tables.values())]
    assert [sql for sql in queries if re.search(r'["$`\\!]', sql)] == []


def test_the_json_has_every_value_unrounded_beside_its_query(rich: Report) -> None:
    told = json.loads(json.dumps(rich.as_json()))
    assert told["figures"]["spend_usd"]["value"] == "0.020626000000"
    assert told["figures"]["requests"] == {
        "label": "Calls",
        "unit": "count",
        "value": 6,
        "query": f"select requests from report_days where report_date = date '{DAY}'",
    }
    assert told["figures"]["unattributed_cost_usd"]["value"] is None
    assert set(told["figures"]) == set(rich.figures)
    for table in told["tables"].values():
        assert table["query"].startswith("select ")
        assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_a_page_written_again_is_the_same_and_is_not_touched(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with made(CALLS) as connection:
        first = write_report(settings, report_of(connection, DAY))
        stamps = [file.stat().st_mtime_ns for file in (first.html, first.json)]
        again = write_report(settings, report_of(connection, DAY))
    assert first.changed
    assert not again.changed
    assert [file.stat().st_mtime_ns for file in (again.html, again.json)] == stamps
    with made(list(reversed(CALLS))) as connection:
        assert not write_report(settings, report_of(connection, DAY)).changed
    assert sorted(file.name for file in first.html.parent.iterdir()) == [f"{DAY}.html", f"{DAY}.json"]


def test_another_figure_is_another_digest_and_both_files_carry_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, reports=ReportsSettings(folder=tmp_path / "elsewhere"))
    first = report(CALLS)
    other = report([*CALLS, {"cost_usd": usd("0.000000000001")}])
    assert first.digest != other.digest
    write_report(settings, first)
    written = write_report(settings, other)
    assert written.changed
    assert written.html == report_path(settings, DAY) == tmp_path / "elsewhere" / "cost_optimization" / f"{DAY}.html"
    assert json.loads(written.json.read_text(encoding="utf-8"))["digest"] == other.digest
    assert f'content="{other.digest}"' in written.html.read_text(encoding="utf-8")


def test_a_day_that_is_not_complete_says_so(rich: Report) -> None:
    words = "Not all data of this day was there"
    assert words in page(report(CALLS, complete=()))
    assert words not in page(rich)


def test_an_empty_day_has_a_page() -> None:
    html = page(report([]))
    ElementTree.fromstring(html.partition("\n")[2])
    assert "Nothing that costs money was found to change." in html


def test_unknown_is_shown_as_unknown_and_not_as_zero() -> None:
    lost = report([{"event_time": NOON, "flags": ["usage_missing"]}])
    assert lost.figures["spend_usd"].shown == "unknown"
    assert lost.figures["change_day_before"].shown == "unknown"
    assert lost.figures["unpriced_requests"].shown == "1"


def test_bars_are_as_long_as_their_amounts() -> None:
    drawn = bars("Spend", [Bar("a", Decimal(8), "$8"), Bar("b", Decimal(2), "$2", before=Decimal(4))])
    widths = re.findall(r'width="([\d.]+)" height="8" rx="4" class="bar"', drawn)
    # Of 360 units: all, and a quarter; the mark of 4 stands at half.
    assert [float(width) for width in widths] == [360, 90]
    assert re.findall(r'<rect x="([\d.]+)"[^>]*class="mark"', drawn) == ["180.0"]


def test_each_step_begins_where_the_one_before_ended() -> None:
    rows = [Step("before", Decimal(10), "$10", is_level=True), Step("more", Decimal(10), "+$10")]
    rows += [Step("less", Decimal(-5), "−$5"), Step("now", Decimal(15), "$15", is_level=True)]
    drawn = steps("Change", rows)
    spans = re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"[^>]*class="(\w+)"', drawn)
    # 194 units for 20 dollars, from 92 on.
    assert [(float(x), float(width), kind) for x, width, kind in spans] == [
        (92, 97, "bar"),
        (189, 97, "worse"),
        (237.5, 48.5, "better"),
        (92, 145.5, "bar"),
    ]
