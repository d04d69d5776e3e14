"""Asking a price book: which prices has a model, what differs between two books.

Belongs here: questions over `lake.price_book`, for people. Pricing calls is the dbt project's, explaining one
call is `prices.explained`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb

from llmops_assets.prices.book import METERS, PriceBookError
from llmops_assets.prices.names import is_match, spellings

SHOWN = (
    "price_version, provider, model, coalesce(service_tier, 'standard') as service_tier, region_scope, valid_from, "
    "valid_to, daily_from, daily_to, tier_start as input_tokens_from, tier_end as input_tokens_to, meter, "
    "usd_per_million, price_usd, charged_as, origin, source"
)

_METER_ORDER = " ".join(f"when '{meter}' then {number}" for number, meter in enumerate(METERS))

_SHOW = f"""
select {SHOWN}
from lake.price_book
inner join found using (price_version, provider, match_rank)
where
    price_usd is not null
    and ($meters or charged_as is null)
    and not (meter = 'request' and price_usd = 0)
    and ($at::timestamptz is null or (
        coalesce(valid_from <= $at, true) and coalesce(valid_to > $at, true)
        and coalesce(daily_from <= timezone('UTC', $at::timestamptz)::time, true)
        and coalesce(daily_to > timezone('UTC', $at::timestamptz)::time, true)
    ))
order by
    provider, coalesce(price_book.service_tier, ''), valid_from nulls first, daily_from nulls first,
    input_tokens_from,
    case meter {_METER_ORDER} end
"""

_KEY = (
    "provider, model, service_tier, region_scope, valid_from, valid_to, daily_from, daily_to, tier_start, tier_end, "
    "meter"
)
_DIFF = f"""
with first as (select {_KEY}, max(usd_per_million) as usd from lake.price_book where price_version = $first
    and charged_as is null and price_usd is not null group by all),
second as (select {_KEY}, max(usd_per_million) as usd from lake.price_book where price_version = $second
    and charged_as is null and price_usd is not null group by all),
keys as (select {_KEY} from first union select {_KEY} from second),
compared as (
    select
        keys.*,
        first.usd as usd_before,
        second.usd as usd_after
    from keys
    left join first on {{same_first}}
    left join second on {{same_second}}
)
select
    case when usd_before is null then 'added' when usd_after is null then 'removed' else 'changed' end as change,
    provider, model, coalesce(service_tier, 'standard') as service_tier, valid_from, valid_to, daily_from, daily_to,
    tier_start as input_tokens_from, meter, usd_before as usd_per_million_before, usd_after as usd_per_million_after
from compared
where usd_before is distinct from usd_after
order by provider, model, service_tier, valid_from nulls first, daily_from nulls first, input_tokens_from, meter
"""


@dataclass(frozen=True)
class Rule:
    """The model of a book that a name means."""

    price_version: str
    provider: str
    match_rank: int
    model: str


def rules_for(
    connection: duckdb.DuckDBPyConnection,
    version: str,
    name: str,
    provider: str | None = None,
    region_scope: str | None = None,
) -> Iterator[Rule]:
    """The model that `name` means at every provider that knows it, or at one."""
    models = connection.execute(
        "select provider, match_rank, any_value(model), any_value(match) from lake.price_book where price_version = ? "
        "and provider = coalesce(?, provider) group by provider, match_rank order by provider, match_rank",
        [version, provider],
    ).fetchall()
    for one in sorted({of for of, *_ in models}):
        own = [(rank, model, rule) for of, rank, model, rule in models if of == one]
        for spelling in spellings(name, region_scope):
            found = next(
                (Rule(version, one, rank, model) for rank, model, rule in own if is_match(spelling, rule)), None
            )
            if found is not None:
                yield found
                break


def prices_of(
    connection: duckdb.DuckDBPyConnection,
    version: str,
    name: str,
    *,
    provider: str | None = None,
    at: datetime | None = None,
    all_meters: bool = False,
) -> duckdb.DuckDBPyRelation:
    """The prices of what `name` means, of all times or at one. Raises `PriceBookError` if nobody knows it."""
    found = list(rules_for(connection, version, name, provider))
    if not found:
        raise PriceBookError(_unknown(connection, version, name, provider))
    connection.execute("create or replace temp table found (price_version text, provider text, match_rank integer)")
    rows = [[one.price_version, one.provider, one.match_rank] for one in found]
    connection.executemany("insert into found values (?, ?, ?)", rows)
    return connection.sql(_SHOW, params={"at": at, "meters": all_meters})


def differences(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> duckdb.DuckDBPyRelation:
    """Prices that one of two versions has otherwise or not; meters charged as another are left out."""
    same = (
        " and ".join(f"keys.{column} is not distinct from {book}.{column}" for column in _KEY.split(", "))
        for book in ("first", "second")
    )
    query = _DIFF.format(same_first=next(same), same_second=next(same))
    return connection.sql(query, params={"first": first, "second": second})


def _unknown(connection: duckdb.DuckDBPyConnection, version: str, name: str, provider: str | None) -> str:
    providers = connection.execute("select distinct provider from lake.price_book order by 1").fetchall()
    if provider is not None and (provider,) not in providers:
        return f"{version} knows no provider {provider}; it has {', '.join(one for (one,) in providers)}"
    like = connection.execute(
        "select model from lake.price_book where price_version = ? and provider = coalesce(?, provider) "
        "group by model order by jaro_winkler_similarity(model, lower(?)) desc limit 3",
        [version, provider, name],
    ).fetchall()
    near = ", ".join(model for (model,) in like)
    where = f"{name} at {provider}" if provider else name
    return (
        f"{version} has no price of {where}; near are {near}. A deployment's name, or a model with prices of your "
        "own, goes into llmops.toml: see docs/prices.md"
    )
