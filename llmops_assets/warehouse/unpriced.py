"""What has no price, and the prices that there are: `unpriced_usage` and `price_book`.

Made again as the other control tables are. The first adds up `unpriced_calls`, whose rows grow with the names
that lack a price and not with the calls; the second changes only when a book is added.
"""

from dataclasses import dataclass
from datetime import datetime

from llmops_assets import prices
from llmops_assets.duck import connect
from llmops_assets.lake import Commit, Lake
from llmops_assets.price_tables import PRICE_BOOK, PRICE_BOOK_SPEC, UNPRICED, UNPRICED_CALLS, UNPRICED_SPEC
from llmops_assets.prices.book import versions
from llmops_assets.settings import Settings
from llmops_assets.tables import PUBLISHED, PUBLISHED_SPEC

BOOKS_KEY = "llmops.price_versions"
RECENT_DAYS = 7

_RECENT = f"""
create or replace temp table recent as
select
    coalesce(max(window_end), timestamptz '1970-01-01 00:00:00+00') - interval {RECENT_DAYS} day as since,
    coalesce(max(window_end), timestamptz '1970-01-01 00:00:00+00') as until
from lake.{PUBLISHED}
where scope = 'hour' and state = 'published'
"""
_USAGE = f"""
select
    provider,
    model,
    sum(calls)::bigint as calls,
    sum(calls_without_cost)::bigint as calls_without_cost,
    sum(tokens)::bigint as tokens,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    coalesce(sum(calls) filter (where window_start >= (select since from recent)), 0)::bigint as recent_calls
from lake.{UNPRICED_CALLS}
group by provider, model
"""
_CALLS = f"""
select since, until, (
    select coalesce(sum(requests), 0)::bigint
    from lake.{PUBLISHED}
    where scope = 'hour' and state = 'published' and window_start >= since
)
from recent
"""
_WORST = "select provider, model, recent_calls from usage where recent_calls > 0 order by 3 desc, 1, 2 limit 5"


@dataclass(frozen=True)
class Unpriced:
    """The table as it was made, and of the recent calls how many have no list price, and of which models most."""

    commit: Commit
    since: datetime
    until: datetime
    calls: int
    unpriced_calls: int
    worst: list[tuple[str, str, int]]

    @property
    def share(self) -> float:
        """The part of the recent calls that has no list price."""
        return self.unpriced_calls / self.calls if self.calls else 0.0


def write_unpriced(lake: Lake, settings: Settings) -> Unpriced:
    """Make `unpriced_usage` again."""
    for spec in (PUBLISHED_SPEC, UNPRICED_SPEC):
        lake.ensure(spec)
    with connect(limits=settings.duckdb) as connection:
        is_built = lake.exists(UNPRICED_CALLS)
        lake.mount(connection, [PUBLISHED, *([UNPRICED_CALLS] if is_built else [])])
        connection.execute(_RECENT)
        nothing = f"select * from ({_NOTHING}) where false"
        connection.execute(f"create temp table usage as {_USAGE if is_built else nothing}")
        commit = lake.replace(UNPRICED, None, connection, "usage")
        since, until, calls = connection.execute(_CALLS).fetchone() or (None, None, 0)
        (unpriced,) = connection.execute("select coalesce(sum(recent_calls), 0)::bigint from usage").fetchone() or (0,)
        worst = connection.execute(_WORST).fetchall()
    return Unpriced(commit, since, until, calls, unpriced, worst)


_NOTHING = "select " + ", ".join(f"null::{column.type} as {column.name}" for column in UNPRICED_SPEC.columns)


def price_book_is_due(lake: Lake) -> bool:
    """Whether the lake's price book lacks a version, or has one that is no longer there."""
    if not lake.exists(PRICE_BOOK):
        return True
    made = lake.snapshots(PRICE_BOOK)
    return not made or made[-1].summary.get(BOOKS_KEY) != _books()


def write_price_book(lake: Lake, settings: Settings) -> Commit | None:
    """Make `price_book` again from the books of the package; None if it has them all."""
    if not price_book_is_due(lake):
        return None
    lake.ensure(PRICE_BOOK_SPEC)
    with connect(limits=settings.duckdb) as connection:
        prices.load_book(connection)
        book = "(select * replace (match::json::varchar as match) from lake.price_book)"
        return lake.replace(PRICE_BOOK, None, connection, book, properties={BOOKS_KEY: _books()})


def _books() -> str:
    return " ".join(versions())
