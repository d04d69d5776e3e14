"""Price books on disk and as the table `lake.price_book`.

A book is one CSV file, named by its price version and never changed once committed: one row per set of
prices, a column per meter. In DuckDB it is the long form, one row per price. Belongs here: the columns of
both forms, finding and loading. Making a book is `prices.export`.
"""

import re
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

KEY_COLUMNS = (
    "provider",
    "model",
    "match_rank",
    "match",
    "context_window",
    "service_tier",
    "valid_from",
    "valid_to",
    "daily_from",
    "daily_to",
    "tier_start",
    "tier_end",
)
BOOK_COLUMNS = (*KEY_COLUMNS, *METERS, "overridden")

# The long form. Half-open ranges throughout; NULL is unbounded.
#   match         every group must hold one clause [kind, text] that is true of the lower-cased model name
#   match_rank    of several matching models of a provider the lowest wins, as in genai-prices
#   service_tier  NULL is standard
#   valid_*       effective dates; daily_*: time of day in UTC (off-peak prices)
#   tier_*        input tokens of the call; the whole call is charged at the tier's prices
#   price_usd     per token, search or request; NULL where the library has no price for the meter
#   origin        genai-prices, or override where overrides.csv gave the price
_LOAD = """
create schema if not exists lake;
create or replace table lake.price_book as
select
    books.price_version,
    books.provider,
    books.model,
    books.match_rank::integer as match_rank,
    from_json(books.match, '[[["VARCHAR"]]]') as match,
    books.context_window::bigint as context_window,
    books.service_tier,
    books.valid_from::timestamptz as valid_from,
    books.valid_to::timestamptz as valid_to,
    books.daily_from::time as daily_from,
    books.daily_to::time as daily_to,
    books.tier_start::bigint as tier_start,
    books.tier_end::bigint as tier_end,
    books.meter,
    books.price_usd::decimal(38, 15) as price_usd,
    case when list_contains(string_split(books.overridden, ' '), books.meter) then 'override' else 'genai-prices' end
        as origin
from (
    select parse_filename(filename, true) as price_version, * exclude (filename)
    from read_csv(
        $files, header = true, all_varchar = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
        columns = $columns, nullstr = '', filename = true
    )
) unpivot include nulls (price_usd for meter in ({meters})) as books
"""


class PriceBookError(Exception):
    """A price book is missing, unreadable or cannot be made; the message names it and the cure."""


def versions(folder: Path = BOOKS) -> list[str]:
    """Price versions on disk, oldest first; numbers in names count as numbers."""
    return sorted((book.stem for book in folder.glob("*.csv")), key=_natural)


def current_version(folder: Path = BOOKS) -> str:
    """The newest price version, which windows take at their first publish."""
    found = versions(folder)
    if not found:
        raise PriceBookError(f"no price book in {folder}: run `python -m llmops_assets.prices.export`")
    return found[-1]


def load_book(connection: duckdb.DuckDBPyConnection, folder: Path = BOOKS) -> None:
    """Create `lake.price_book` from every version on disk, replacing the table."""
    current_version(folder)
    files = [str(book) for book in sorted(folder.glob("*.csv"))]
    columns = dict.fromkeys(BOOK_COLUMNS, "VARCHAR")
    try:
        for statement in _LOAD.format(meters=", ".join(METERS)).split(";"):
            used = {"files": files, "columns": columns} if "$files" in statement else None
            connection.execute(statement, used)
    except duckdb.Error as error:
        raise PriceBookError(f"cannot load the price books in {folder}: {error}") from error


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
