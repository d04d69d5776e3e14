"""Columns of the control tables about prices: what has none, and the price book. `tables` has them with all others."""

from llmops_assets.lake import TableSpec, columns_of

UNPRICED_CALLS = "unpriced_calls"
UNPRICED = "unpriced_usage"
PRICE_BOOK = "price_book"

UNPRICED_SPEC = TableSpec(
    name=UNPRICED,
    columns=columns_of("""
provider           | varchar     | Who served the calls; unknown if no record says.
model              | varchar     | Model as served, else as asked for: the name that a price is to be given to.
calls              | bigint      | Calls whose usage is known and whose list price is not, in all published hours.
calls_without_cost | bigint      | Of them, calls whose cost nobody else told either.
tokens             | bigint      | Input and output tokens of the calls.
first_seen_at      | timestamptz | The first of the calls.
last_seen_at       | timestamptz | The last of the calls.
recent_calls       | bigint      | Calls of the seven days up to the end of the newest published hour.
"""),
    window_column="last_seen_at",
    partition=(),
)

PRICE_BOOK_SPEC = TableSpec(
    name=PRICE_BOOK,
    columns=columns_of("""
price_version   | varchar        | Version of the book; every priced call names its own.
known_from      | timestamptz    | Since when the version is known.
known_to        | timestamptz    | Since when a newer one is; NULL for the newest.
provider        | varchar        | Provider, as calls name it.
model           | varchar        | The model in the book.
match_rank      | integer        | Of several models of a provider whose rule holds for a name the lowest wins.
match           | varchar        | JSON: of every group one clause [kind, text] must be true of the lower-cased name.
context_window  | bigint         | Most input tokens; NULL if unknown.
service_tier    | varchar        | batch, fast, flex or priority; NULL is standard.
region_scope    | varchar        | global or regional, where profiles have prices of their own; NULL is any.
valid_from      | timestamptz    | First call with this price; NULL is unbounded.
valid_to        | timestamptz    | End, exclusive; NULL is unbounded.
daily_from      | varchar        | Time of day in UTC from which it holds; NULL is midnight.
daily_to        | varchar        | End of it, exclusive; NULL is midnight.
tier_start      | bigint         | Total input tokens of the call from which it holds; then for all of its tokens.
tier_end        | bigint         | End of it, exclusive; NULL is unbounded.
meter           | varchar        | What is priced.
price_usd       | decimal(38,15) | USD per token, search or request; NULL if nobody has a price.
usd_per_million | decimal(38,9)  | The same per million.
charged_as      | varchar        | The meter whose price it has, where it has none of its own.
origin          | varchar        | genai-prices, override or addition.
source          | varchar        | Where a price is from that is not the library's.
"""),
    window_column="known_from",
    partition=(),
)
