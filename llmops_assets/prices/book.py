"""Price books on disk and as the table `lake.price_book`.

A book is one CSV file, named by its price version and never changed once committed: one row per price. In
DuckDB every meter has its row, also one that is charged as another. Belongs here: the columns of both, finding
and loading. Making a book is `prices.export`; what has been known since when is `known_from`.
"""

import re
from collections.abc import Collection
from pathlib import Path

import duckdb

BOOKS = Path(__file__).parent / "books"

METERS = (
    "input_uncached",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "image_input",
    "output_text",
    "reasoning",
    "audio_output",
    "web_search",
    "request",
)

CHARGED_AS = {
    "cache_read": "input_uncached",
    "cache_write_5m": "input_uncached",
    "cache_write_1h": "cache_write_5m",
    "audio_input": "input_uncached",
    "image_input": "input_uncached",
    "reasoning": "output_text",
    "audio_output": "output_text",
}
"""A meter without a price of its own has that of what it is part of; parents stand before their parts in METERS."""

KEY_COLUMNS = (
    "known_from",
    "provider",
    "model",
    "match_rank",
    "match",
    "context_window",
    "service_tier",
    "region_scope",
    "valid_from",
    "valid_to",
    "daily_from",
    "daily_to",
    "tier_start",
    "tier_end",
)
BOOK_COLUMNS = (*KEY_COLUMNS, "meter", "usd_per_million", "origin", "source")

# Half-open ranges throughout; NULL is unbounded.
#   known_*       when the version was the newest; valid_*: effective dates; daily_*: time of day in UTC
#   match         every group must hold one clause [kind, text] that is true of the lower-cased model name
#   match_rank    of several matching models of a provider the lowest wins, as in genai-prices
#   service_tier  NULL is standard; region_scope: of the cross-region profiles that the model is about
#   tier_*        input tokens of the call; the whole call is charged at the tier's prices
#   price_usd     per token, search or request; NULL where nobody has a price for the meter
#   charged_as    the meter whose price it has, where it has none of its own
#   origin        genai-prices, override, addition (of this project) or llmops.toml; source says where from
_READ = """
create schema if not exists lake;
create or replace temp table price_rows as
select
    parse_filename(filename, true) as price_version,
    * exclude (filename, usd_per_million, meter),
    nullif(meter, '') as meter,
    usd_per_million::decimal(28, 9) as usd_per_million
from read_csv(
    $files, header = true, all_varchar = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
    columns = $columns, nullstr = '', filename = true
);
"""
_FILL = """
create or replace table lake.price_book as
with sets as (
    select
        price_version, {keys},
        {own}
    from price_rows
    group by all
),
filled as (
    select * exclude ({meters}), {filled}
    from sets
),
long as (
    select price_version, {keys}, unnest([{structs}], recursive := true)
    from filled
),
versions as (
    select price_version, known_from, lead(known_from) over (order by known_from) as known_to
    from (select unnest($known, recursive := true))
)
select
    long.price_version,
    versions.known_from::timestamptz as known_from,
    versions.known_to::timestamptz as known_to,
    long.provider,
    long.model,
    long.match_rank::integer as match_rank,
    from_json(long.match, '[[["VARCHAR"]]]') as match,
    long.context_window::bigint as context_window,
    long.service_tier,
    long.region_scope,
    long.valid_from::timestamptz as valid_from,
    long.valid_to::timestamptz as valid_to,
    long.daily_from::time as daily_from,
    long.daily_to::time as daily_to,
    long.tier_start::bigint as tier_start,
    long.tier_end::bigint as tier_end,
    long.meter,
    (long.usd_per_million * 0.000001)::decimal(38, 15) as price_usd,
    long.usd_per_million::decimal(38, 9) as usd_per_million,
    long.charged_as,
    long.origin,
    long.source
from long
inner join versions using (price_version);
"""
KNOWN_ON = "price_as_known_on"
KNOWN_ON_MACRO = """
create or replace macro {schema}.price_as_known_on(instant) as table
select * from {schema}.price_book where known_from <= instant and (known_to > instant or known_to is null)
"""
"""The book as it was known at a time."""


class PriceBookError(Exception):
    """A price book is missing, unreadable or cannot be made; the message names it and the cure."""


def versions(folder: Path = BOOKS) -> list[str]:
    """Price versions on disk, oldest first; numbers in names count as numbers."""
    return sorted((book.stem for book in folder.glob("*.csv")), key=by_number)


def current_version(folder: Path = BOOKS) -> str:
    """The newest price version, which windows take at their first publish."""
    found = versions(folder)
    if not found:
        raise PriceBookError(f"no price book in {folder}: run `llmops prices update`")
    return found[-1]


def known_from(version: str, folder: Path = BOOKS) -> str:
    """Since when a version is known, as its file says."""
    with (folder / f"{version}.csv").open(encoding="utf-8", newline="") as lines:
        next(lines, "")
        return next(lines, "").partition(",")[0]


def load_book(connection: duckdb.DuckDBPyConnection, folder: Path = BOOKS, only: Collection[str] | None = None) -> None:
    """Create `lake.price_book` from the versions on disk (or those of `only`), replacing the table.

    `lake.price_as_known_on(instant)` is the book as it was known at a time.
    """
    current_version(folder)
    known = [{"price_version": version, "known_from": known_from(version, folder)} for version in versions(folder)]
    wanted = [version for version in versions(folder) if only is None or version in only]
    missing = sorted({*(only or ())} - {*wanted})
    if missing:
        raise PriceBookError(f"no price book {', '.join(missing)} in {folder}, which has {', '.join(versions(folder))}")
    files = [str(folder / f"{version}.csv") for version in wanted]
    try:
        connection.execute(_READ.partition(";")[0])
        read = {"files": files, "columns": dict.fromkeys(BOOK_COLUMNS, "VARCHAR")}
        connection.execute(_READ.partition(";")[2], read)
        connection.execute(_fill(), {"known": known})
        connection.execute("drop table price_rows")
        connection.execute(KNOWN_ON_MACRO.format(schema="lake"))
    except duckdb.Error as error:
        raise PriceBookError(f"cannot load the price books in {folder}: {error}") from error


def _fill() -> str:
    fields = ("usd_per_million", "origin", "source")
    own = (
        f"any_value({{'usd_per_million': usd_per_million, 'origin': origin, 'source': source, 'charged_as': "
        f"null::varchar}}) filter (where meter = '{meter}') as {meter}"
        for meter in METERS
    )
    return _FILL.format(
        keys=", ".join(KEY_COLUMNS[1:]),
        own=", ".join(own),
        meters=", ".join(METERS),
        filled=", ".join(f"{_filled(meter)} as {meter}" for meter in METERS),
        structs=", ".join(
            f"{{'meter': '{meter}', 'charged_as': {meter}.charged_as, "
            + ", ".join(f"'{field}': {meter}.{field}" for field in fields)
            + "}"
            for meter in METERS
        ),
    )


def _filled(meter: str) -> str:
    """The meter's own price, else that of what it is part of; no charge per request where nobody tells of one."""
    if meter == "request":
        known = " or ".join(f"{other}.usd_per_million is not null" for other in METERS if other != meter)
        free = "{'usd_per_million': 0::decimal(28, 9), 'origin': 'genai-prices', 'source': null, 'charged_as': null}"
        return f"coalesce({meter}, case when {known} then {free} end)"
    choices, parent = [meter], CHARGED_AS.get(meter)
    while parent:
        charged = f"'charged_as': '{parent}'"
        choices.append(
            f"case when {parent} is not null then {{'usd_per_million': {parent}.usd_per_million, "
            f"'origin': {parent}.origin, 'source': {parent}.source, {charged}}} end"
        )
        parent = CHARGED_AS.get(parent)
    return f"coalesce({', '.join(choices)})"


def by_number(name: str) -> list[tuple[int, str]]:
    """Order of versions: numbers in their names count as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
