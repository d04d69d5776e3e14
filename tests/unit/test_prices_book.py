"""The committed price books: made from the library, never changed, and free of gaps and overlaps."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from genai_prices.data import providers as library_providers
from genai_prices.types import Provider
from pricing_sql import NOON, Pricing

from llmops_assets.duck import connect
from llmops_assets.prices import PriceBookError, current_version, load_book
from llmops_assets.prices.additions import load_additions
from llmops_assets.prices.book import BOOK_COLUMNS, BOOKS, known_from, versions
from llmops_assets.prices.export import EVENT_PROVIDERS, book_text, export, library_version, next_version
from llmops_assets.prices.lookup import rules_for
from llmops_assets.prices.overrides import load_overrides

BY_ID = {provider.id: provider for provider in library_providers}
FIRST_DAY, NEXT_DAY = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        load_book(connection)
        yield connection


def test_the_newest_book_on_disk_is_what_the_installed_library_exports() -> None:
    newest = current_version()
    assert newest.startswith(library_version())
    assert book_text(known_from(newest)) == (BOOKS / f"{newest}.csv").read_text(encoding="utf-8")


def test_versions_are_known_one_after_the_other() -> None:
    known = [known_from(version) for version in versions()]
    assert known == sorted(set(known))
    assert len(known) >= 2
    with connect() as connection:
        load_book(connection)
        spans = connection.execute("select distinct known_from, known_to from lake.price_book order by 1").fetchall()
    starts = [datetime.fromisoformat(one) for one in known]
    assert spans == list(zip(starts, [*starts[1:], None], strict=True))


def test_the_newest_book_is_found_by_its_number(tmp_path: Path) -> None:
    for name in ("genai-prices-0.2.10", "genai-prices-0.2.9", "genai-prices-0.2.9.1"):
        (tmp_path / f"{name}.csv").touch()
    assert versions(tmp_path) == ["genai-prices-0.2.9", "genai-prices-0.2.9.1", "genai-prices-0.2.10"]
    assert current_version(tmp_path) == "genai-prices-0.2.10"


def test_no_book_at_all_is_an_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match=r"no price book in .*llmops prices update"):
        load_book(connect(), tmp_path)


def test_a_broken_book_is_named(tmp_path: Path) -> None:
    (tmp_path / "b-1.csv").write_text("provider,model\nopenai,gpt-4o\n", encoding="utf-8")
    with pytest.raises(PriceBookError, match=re.escape(str(tmp_path))):
        load_book(connect(), tmp_path)


def test_an_export_never_changes_a_book_and_adds_a_version_only_for_other_prices(tmp_path: Path) -> None:
    first = export(tmp_path, at=FIRST_DAY)
    assert first == tmp_path / f"{library_version()}.csv"
    assert export(tmp_path, at=NEXT_DAY) is None
    written = first.read_text(encoding="utf-8").replace(",2.5,", ",2.6,")
    first.write_text(written, encoding="utf-8")
    assert next_version(tmp_path) == f"{library_version()}.1"
    with pytest.raises(PriceBookError, match="a book never changes"):
        export(tmp_path, first.stem, at=NEXT_DAY)
    with pytest.raises(PriceBookError, match=r"2027-01-01T00:00:00Z would be older than"):
        export(tmp_path, at=FIRST_DAY)
    with pytest.raises(PriceBookError, match="a sorts before"):
        export(tmp_path, "a", at=NEXT_DAY)
    assert export(tmp_path, at=NEXT_DAY) == tmp_path / f"{library_version()}.1.csv"
    assert first.read_text(encoding="utf-8") == written


def test_the_book_as_known_on_a_day_is_the_book_of_that_day(tmp_path: Path) -> None:
    shutil.copy(BOOKS / f"{versions()[0]}.csv", tmp_path / "b-1.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "b-1.csv").read_text(encoding="utf-8"))))
    changed = io.StringIO()
    writer = csv.DictWriter(changed, BOOK_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"known_from": "2027-01-01T00:00:00Z", "usd_per_million": "7"} for row in rows[:40])
    before, after = connect(), connect()
    load_book(before, tmp_path)
    (tmp_path / "b-2.csv").write_text(changed.getvalue(), encoding="utf-8")
    load_book(after, tmp_path)
    facts = "* exclude (known_to) from lake.price_as_known_on(timestamptz '2026-12-31 23:59:59+00')"
    earlier = before.execute(f"select {facts} order by all").fetchall()
    assert len(earlier) > 10_000
    assert after.execute(f"select {facts} order by all").fetchall() == earlier
    later = "from lake.price_as_known_on(timestamptz '2027-01-01 00:00:00+00')"
    assert set(
        after.execute(f"select distinct price_version, usd_per_million {later} where meter != 'request'").fetchall()
    ) == {("b-2", 7), ("b-2", None)}
    nothing = "select count(*) from lake.price_as_known_on(timestamptz '2026-11-21 08:01:40+00')"
    assert after.execute(nothing).fetchone() == (0,)


def test_only_the_versions_that_are_asked_for_are_loaded(tmp_path: Path) -> None:
    with connect() as connection:
        load_book(connection, only=versions()[:1])
        assert connection.execute("select distinct price_version from lake.price_book").fetchall() == [(versions()[0],)]
        (tmp_path / "b-1.csv").write_text(",".join(BOOK_COLUMNS) + "\n", encoding="utf-8")
        with pytest.raises(PriceBookError, match=r"no price book b-9 in .* which has b-1"):
            load_book(connection, tmp_path, only=["b-9"])


def test_prices_are_exact_and_positive_and_overrides_are_marked(book: duckdb.DuckDBPyConnection) -> None:
    odd = book.execute("select * from lake.price_book where price_usd < 0 or price_usd > 1000").fetchall()
    assert odd == []
    (kind,) = book.execute("select typeof(any_value(price_usd)) from lake.price_book").fetchone() or ()
    assert kind == "DECIMAL(38,15)"
    origins = book.execute(
        "select meter, usd_per_million, price_usd * 1000000, charged_as, origin from lake.price_book"
        " where price_version = ? and provider = 'anthropic' and model = 'claude-2' and service_tier is null"
        " and meter in ('cache_write_5m', 'cache_write_1h') order by 1",
        [versions()[0]],
    ).fetchall()
    assert origins == [
        ("cache_write_1h", 16, 16, None, "override"),
        ("cache_write_5m", 8, 8, "input_uncached", "genai-prices"),
    ]


def test_every_moment_and_size_of_a_call_meets_exactly_one_price(book: duckdb.DuckDBPyConnection) -> None:
    """Any two rows of a model and tier are apart in dates, time of day or size, and their shares add up to all."""
    rows = """
        select distinct price_version, provider, match_rank, coalesce(service_tier, '') as tier,
            coalesce(epoch(valid_from), 0)::hugeint as a0, coalesce(epoch(valid_to), 1e10)::hugeint as a1,
            coalesce(epoch(daily_from), 0)::hugeint as b0, coalesce(epoch(daily_to), 86400)::hugeint as b1,
            tier_start::hugeint as c0, coalesce(tier_end, 1000000000)::hugeint as c1
        from lake.price_book
    """
    overlapping = book.execute(
        f"with rows as ({rows}), numbered as (select *, row_number() over () as n from rows) "
        "select * from numbered a inner join numbered b using (price_version, provider, match_rank, tier) "
        "where a.n < b.n and a.a0 < b.a1 and b.a0 < a.a1 and a.b0 < b.b1 and b.b0 < a.b1 "
        "and a.c0 < b.c1 and b.c0 < a.c1"
    ).fetchall()
    assert overlapping == []
    incomplete = book.execute(
        f"select price_version, provider, match_rank, tier from ({rows}) group by all "
        "having sum((a1 - a0) * (b1 - b0) * (c1 - c0)) != 10000000000 * 86400::hugeint * 1000000000"
    ).fetchall()
    assert incomplete == []


def test_every_override_and_addition_has_a_reason_and_a_source() -> None:
    for override in load_overrides():
        assert override.reason, override
        assert override.source.startswith("https://"), override
        assert (override.factor is None) != (override.usd_per_million is None), override
    for addition in load_additions():
        assert addition.reason, addition
        assert addition.source.startswith("https://"), addition
        assert addition.prices, addition


def test_every_price_that_is_not_the_librarys_says_where_it_is_from(book: duckdb.DuckDBPyConnection) -> None:
    origins = book.execute(
        "select origin, bool_and(source like 'https://%'), bool_or(source is not null) from lake.price_book"
        " where price_usd is not null group by origin order by origin"
    ).fetchall()
    assert origins == [("addition", True, True), ("genai-prices", None, False), ("override", True, True)]


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
def test_names_match_the_models_that_the_library_finds(pricing: Pricing, provider: str) -> None:
    source = BY_ID[provider]
    names = sorted(name for name in _names(source) if name == name.strip())
    event_provider = EVENT_PROVIDERS.get(provider, (provider,))[0]
    calls = [
        {"provider": event_provider, "model": name, "tokens_input": 1, "tokens_output": 1, "event_time": NOON}
        for name in names
    ]
    found = {row["model"]: row["price_model"] for row in pricing.price(calls)}
    expected = {name: source.find_model(name, all_providers=library_providers) for name in names}
    added = {addition.model for addition in load_additions() if addition.provider == event_provider}
    theirs = {name: model.id if model else None for name, model in expected.items()}
    assert {name: model for name, model in found.items() if model not in added} == {
        name: model for name, model in theirs.items() if found[name] not in added
    }
    asked = {name: rules_for(pricing.connection, current_version(), name, event_provider) for name in names[::40]}
    assert {name: next((rule.model for rule in rules), None) for name, rules in asked.items()} == {
        name: found[name] for name in asked
    }


def test_rules_are_groups_of_clauses(book: duckdb.DuckDBPyConnection) -> None:
    (rule,) = (
        book.execute(
            "select distinct match::json from lake.price_book where provider = 'google' and model = 'gemini-2.5-pro'"
        ).fetchone()
        or ()
    )
    assert json.loads(rule) == [[["starts_with", "gemini-2.5-pro"]], [["not_regex", "-[tT][tT][sS](?:$|-)"]]]
