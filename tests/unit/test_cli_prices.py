"""`llmops prices show`, `diff` and `update`: what is printed, and errors that say what to do."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from llmops_assets.cli import app, prices
from llmops_assets.prices import book, current_version

FIRST, SECOND = "genai-prices-0.2.3", "genai-prices-0.2.3.1"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMOPS_CONFIG", raising=False)


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["prices", *arguments], env={"COLUMNS": "300"})


def rows(*arguments: str) -> list[dict[str, str]]:
    result = asked(*arguments, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_show_lists_prices_with_their_limits_per_million_and_per_unit() -> None:
    found = rows("show", "claude-sonnet-4-20250514", "--provider", "anthropic")
    standard = [row for row in found if row["service_tier"] == "standard" and row["meter"] == "input_uncached"]
    limits = ("input_tokens_from", "input_tokens_to", "usd_per_million", "price_usd", "origin", "price_version")
    assert [tuple(row[name] for name in limits) for row in standard] == [
        ("0", "200001", "3", "0.000003", "addition", current_version()),
        ("200001", "", "6", "0.000006", "addition", current_version()),
    ]
    assert all(row["source"].startswith("https://") for row in standard)
    assert {row["provider"] for row in found} == {"anthropic"}


@pytest.mark.parametrize(
    ("at", "usd"),
    [("2025-06-01T17:00:00", "0.135"), ("2025-06-01T12:00:00", "0.27"), ("2025-09-05T16:00:00+00:00", "0.56")],
)
def test_show_at_a_time_has_the_one_price_of_it(at: str, usd: str) -> None:
    if at.endswith("+00:00"):
        at = at.removesuffix("+00:00")  # click takes times without offset, which are UTC
    found = rows("show", "deepseek-chat", "--provider", "deepseek", "--at", at)
    assert [row["usd_per_million"] for row in found if row["meter"] == "input_uncached"] == [usd]


def test_show_all_says_as_what_a_meter_is_charged() -> None:
    own = rows("show", "gpt-4o", "--provider", "openai")
    everything = rows("show", "gpt-4o", "--provider", "openai", "--all")
    assert "reasoning" not in {row["meter"] for row in own}
    assert {row["charged_as"] for row in everything if row["meter"] == "reasoning"} == {"output_text"}


def test_show_takes_a_version_or_the_book_as_it_was_known() -> None:
    search = ("show", "gpt-4o-search-preview", "--provider", "openai")
    meters = {version: {row["meter"] for row in rows(*search, "--version", version)} for version in (FIRST, SECOND)}
    assert meters[SECOND] - meters[FIRST] == {"web_search"}
    known = rows(*search, "--known-on", "2026-11-21T12:00:00")
    assert {row["price_version"] for row in known} == {FIRST}


def test_a_table_fits_one_line_a_price_and_names_the_version() -> None:
    result = asked("show", "deepseek-chat", "--provider", "deepseek")
    assert result.exit_code == 0, result.stderr
    line = next(line for line in result.stdout.splitlines() if "00:30–16:30" in line and "cache_read" in line)
    assert line.split()[:4] == ["deepseek", "deepseek-chat", "standard", "2025-02-26"]
    assert "0.07" in line.split()
    assert f"{current_version()}, USD per million" in result.stderr


def test_show_knows_the_names_of_the_site(tmp_path: Path) -> None:
    text = '[[prices.alias]]\nprovider = "azure"\nname = "chat-prod"\nmodel = "gpt-4o"\n'
    (tmp_path / "llmops.toml").write_text(text, encoding="utf-8")
    found = rows("show", "Chat-Prod")
    assert {(row["provider"], row["model"], row["source"]) for row in found} == {("azure", "gpt-4o", "alias chat-prod")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "gpt-4oo-nano"), f"{SECOND} has no price of gpt-4oo-nano; near are .* goes into llmops.toml"),
        (("show", "gpt-4o", "--provider", "open"), "knows no provider open; it has anthropic, "),
        (("show", "gpt-4o", "--version", "v9"), f"no price book v9 in .* which has {FIRST}, {SECOND}"),
        (("show", "gpt-4o", "--known-on", "2020-01-01"), "the first book is known from 2026-11-21T08:01:41Z"),
        (("show", "gpt-4o", "--known-on", "2027-01-01", "--version", FIRST), "both say which book: give one"),
        (("diff", FIRST, "v9"), "no price book v9"),
        (("show", "qwen-3-coder-480b", "--provider", "cerebras"), "knows qwen-3-coder-480b, but no price of it"),
    ],
)
def test_what_cannot_be_answered_exits_2_and_says_what_there_is(arguments: tuple[str, ...], message: str) -> None:
    result = asked(*arguments)
    assert result.exit_code == 2, result.output
    assert re.search(message, " ".join(result.stderr.split())), result.stderr


def test_diff_lists_what_was_added_removed_and_changed() -> None:
    found = rows("diff", FIRST, SECOND)
    told: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in found:
        key = (row["change"], row["provider"], row["model"], row["service_tier"], row["meter"], row["valid_from"])
        told[key] = (row["usd_per_million_before"], row["usd_per_million_after"])
    assert told["added", "openai", "gpt-4o-audio-preview", "standard", "audio_input", ""] == ("", "40")
    # flex was charged as standard before the library knew it: now a row of its own at half the price
    assert told["changed", "openai", "gpt-5", "flex", "input_uncached", ""] == ("1.25", "0.625")
    removed = {key for key in told if key[0] == "removed" and key[1:3] == ("deepseek", "deepseek-chat")}
    assert removed
    assert all(before != after for before, after in told.values())
    assert rows("diff", FIRST, FIRST) == []


def test_update_makes_a_version_only_for_other_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    shutil.copy(book.BOOKS / f"{FIRST}.csv", folder)

    def there(name: str) -> Any:
        return lambda *given, **named: getattr(book, name)(*given, **{"folder": folder, **named})

    monkeypatch.setattr(prices, "BOOKS", folder)
    monkeypatch.setattr(prices, "current_version", there("current_version"))
    monkeypatch.setattr(prices, "versions", there("versions"))
    tried = asked("update", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert f"{SECOND} would be the newest version; against {FIRST}: " in " ".join(tried.stderr.split())
    assert [file.name for file in folder.iterdir()] == [f"{FIRST}.csv"]
    made = asked("update")
    assert made.exit_code == 0, made.output
    assert f"review it: llmops prices diff {FIRST} {SECOND}" in " ".join(made.stderr.split())
    written = (folder / f"{SECOND}.csv").read_text(encoding="utf-8").splitlines()
    committed = (book.BOOKS / f"{SECOND}.csv").read_text(encoding="utf-8").splitlines()
    assert [line.partition(",")[2] for line in written] == [line.partition(",")[2] for line in committed]
    assert "is up to date" in asked("update").stderr


def test_json_has_amounts_as_text() -> None:
    result = asked("show", "gpt-4o-mini", "--provider", "openai", "--format", "json")
    assert json.loads(result.stdout)[0]["usd_per_million"] == "0.15"
