"""The committed price books: made from the library, never changed, and free of gaps and overlaps."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from genai_prices.data import providers as library_providers
from genai_prices.types import Provider
from pricing_sql import NOON, Pricing

from llmops_assets.duck import connect
from llmops_assets.prices import PriceBookError, current_version, load_book
from llmops_assets.prices.book import BOOKS, versions
from llmops_assets.prices.export import EVENT_PROVIDERS, book_text, default_version, export
from llmops_assets.prices.overrides import load_overrides

BY_ID = {provider.id: provider for provider in library_providers}


@pytest.fixture(scope="module")
def book() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        load_book(connection)
        yield connection


def test_the_book_on_disk_is_what_the_library_exports() -> None:
    committed = (BOOKS / f"{default_version()}.csv").read_bytes()
    assert book_text().encode() == committed


def test_the_newest_book_is_found_by_its_number(tmp_path: Path) -> None:
    for name in ("genai-prices-0.2.10", "genai-prices-0.2.9", "genai-prices-0.2.9.1"):
        (tmp_path / f"{name}.csv").touch()
    assert versions(tmp_path) == ["genai-prices-0.2.9", "genai-prices-0.2.9.1", "genai-prices-0.2.10"]
    assert current_version(tmp_path) == "genai-prices-0.2.10"


def test_no_book_at_all_is_an_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match=r"no price book in .*prices\.export"):
        load_book(connect(), tmp_path)


def test_a_broken_book_is_named(tmp_path: Path) -> None:
    (tmp_path / "b-1.csv").write_text("provider,model\nopenai,gpt-4o\n", encoding="utf-8")
    with pytest.raises(PriceBookError, match=re.escape(str(tmp_path))):
        load_book(connect(), tmp_path)


def test_an_export_never_changes_a_book(tmp_path: Path) -> None:
    first = export(tmp_path)
    assert export(tmp_path) == first
    first.write_text("other prices\n", encoding="utf-8")
    with pytest.raises(PriceBookError, match="a book never changes"):
        export(tmp_path)
    assert first.read_text(encoding="utf-8") == "other prices\n"


def test_prices_are_exact_and_positive_and_overrides_are_marked(book: duckdb.DuckDBPyConnection) -> None:
    odd = book.execute("select * from lake.price_book where price_usd < 0 or price_usd > 1000").fetchall()
    assert odd == []
    (kind,) = book.execute("select typeof(any_value(price_usd)) from lake.price_book").fetchone() or ()
    assert kind == "DECIMAL(38,15)"
    origins = book.execute(
        "select meter, price_usd * 1000000, origin from lake.price_book where provider = 'anthropic'"
        " and model = 'claude-2' and service_tier is null and meter in ('cache_write_5m', 'cache_write_1h') order by 1"
    ).fetchall()
    assert origins == [("cache_write_1h", 16, "override"), ("cache_write_5m", 8, "genai-prices")]


def test_every_moment_and_size_of_a_call_meets_exactly_one_price(book: duckdb.DuckDBPyConnection) -> None:
    """Any two rows of a model and tier are apart in dates, time of day or size, and their shares add up to all."""
    rows = """
        select distinct provider, match_rank, coalesce(service_tier, '') as tier,
            coalesce(epoch(valid_from), 0)::hugeint as a0, coalesce(epoch(valid_to), 1e10)::hugeint as a1,
            coalesce(epoch(daily_from), 0)::hugeint as b0, coalesce(epoch(daily_to), 86400)::hugeint as b1,
            tier_start::hugeint as c0, coalesce(tier_end, 1000000000)::hugeint as c1
        from lake.price_book
    """
    overlapping = book.execute(
        f"with rows as ({rows}), numbered as (select *, row_number() over () as n from rows) "
        "select * from numbered a inner join numbered b using (provider, match_rank, tier) "
        "where a.n < b.n and a.a0 < b.a1 and b.a0 < a.a1 and a.b0 < b.b1 and b.b0 < a.b1 "
        "and a.c0 < b.c1 and b.c0 < a.c1"
    ).fetchall()
    assert overlapping == []
    incomplete = book.execute(
        f"select provider, match_rank, tier from ({rows}) group by all "
        "having sum((a1 - a0) * (b1 - b0) * (c1 - c0)) != 10000000000 * 86400::hugeint * 1000000000"
    ).fetchall()
    assert incomplete == []


def test_every_override_has_a_reason_and_a_source() -> None:
    for override in load_overrides():
        assert override.reason, override
        assert override.source.startswith("https://"), override


def _names(provider: Provider) -> set[str]:
    """Names that the provider's rules speak of, and spellings of them."""
    models = [
        model for known in (provider.id, *(provider.fallback_model_providers or ())) for model in BY_ID[known].models
    ]
    texts = {model.id for model in models}
    for model in models:
        texts |= set(re.findall(r"'([^']+)'", repr(model.match)))
    plain = {text for text in texts if re.fullmatch(r"[\w./:@~-]+", text)}
    return plain | {f"{text}-20251211" for text in plain} | {f"{text}-preview-tts" for text in list(plain)[::7]}


@pytest.mark.parametrize("provider", ["openai", "azure", "anthropic", "google", "aws", "mistral", "x-ai", "openrouter"])
def test_names_match_the_models_that_the_library_finds(provider: str) -> None:
    source = BY_ID[provider]
    names = sorted(name for name in _names(source) if name == name.strip())
    event_provider = EVENT_PROVIDERS.get(provider, (provider,))[0]
    calls = [
        {"provider": event_provider, "model": name, "tokens_input": 1, "tokens_output": 1, "event_time": NOON}
        for name in names
    ]
    found = {row["model"]: row["price_model"] for row in Pricing().price(calls)}
    expected = {name: source.find_model(name, all_providers=library_providers) for name in names}
    assert found == {name: model.id if model else None for name, model in expected.items()}


def test_rules_are_groups_of_clauses(book: duckdb.DuckDBPyConnection) -> None:
    (rule,) = (
        book.execute(
            "select distinct match::json from lake.price_book where provider = 'google' and model = 'gemini-2.5-pro'"
        ).fetchone()
        or ()
    )
    assert json.loads(rule) == [[["starts_with", "gemini-2.5-pro"]], [["not_regex", "-[tT][tT][sS](?:$|-)"]]]
