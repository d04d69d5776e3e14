"""Names and prices of a site in front of the books: rows of `lake.price_book` made of the settings `[prices]`.

Belongs here: turning an alias into the rows of the model that it stands for, and a model's own prices into rows.
They are rules of the book like any other, so that pricing knows nothing of them.
"""

import json
from decimal import Decimal
from typing import Any

import duckdb

from llmops_assets.prices.book import CHARGED_AS, METERS, PriceBookError
from llmops_assets.prices.lookup import Rule, rules_for
from llmops_assets.prices_settings import Alias, Dated, ModelPrices, PricesSettings

FIRST_RANK = -1_000_000
"""Below every rank of a book: a name of the site means what the site says."""

_ALIASED = """
insert into lake.price_book by name
select * replace (
    $provider as provider,
    $rank as match_rank,
    from_json($match, '[[["VARCHAR"]]]') as match,
    greatest(valid_from, $valid_from) as valid_from,
    least(valid_to, $valid_to) as valid_to,
    'llmops.toml' as origin,
    'alias ' || $name as source
)
from lake.price_book
where
    price_version = $price_version and provider = $of_provider and match_rank = $of_rank
    and coalesce(valid_to > $valid_from, true) and coalesce(valid_from < $valid_to, true)
"""
# A name that meant several models has the service tiers of all of them.
_TIERS = """
insert into lake.price_book by name
select book.* replace (tiers.service_tier as service_tier)
from lake.price_book as book
inner join (
    select distinct price_version, provider, match_rank, service_tier
    from lake.price_book
    where match_rank <= $last and service_tier is not null
) as tiers using (price_version, provider, match_rank)
where
    book.service_tier is null
    and not exists (
        select 1
        from lake.price_book as other
        where
            (other.price_version, other.provider, other.match_rank, other.model, other.service_tier)
            = (book.price_version, book.provider, book.match_rank, book.model, tiers.service_tier)
    )
"""
_OWN = """
insert into lake.price_book by name
select
    versions.*,
    $provider as provider,
    $name as model,
    $rank as match_rank,
    from_json($match, '[[["VARCHAR"]]]') as match,
    $context_window as context_window,
    $valid_from as valid_from,
    $valid_to as valid_to,
    0 as tier_start,
    $meter as meter,
    ($usd_per_million::decimal(28, 9) * 0.000001)::decimal(38, 15) as price_usd,
    $usd_per_million::decimal(38, 9) as usd_per_million,
    $charged_as as charged_as,
    'llmops.toml' as origin,
    'model ' || $name as source
from (select distinct price_version, known_from, known_to from lake.price_book where match_rank > $rank) as versions
"""


def add_configured(connection: duckdb.DuckDBPyConnection, prices: PricesSettings, *, aliases: bool = True) -> None:
    """Add the site's names to `lake.price_book`, and list them in `lake.price_aliases`.

    Without `aliases` only models with own prices are added.

    Raises:
        PriceBookError: an alias stands for a model that no loaded book knows.
    """
    connection.execute("create or replace table lake.price_aliases (provider varchar, name varchar)")
    entries: list[Dated] = [*(prices.alias if aliases else ()), *prices.model]
    ranks = {key: FIRST_RANK + number for number, key in enumerate(dict.fromkeys(one.key for one in entries))}
    for key, rank in ranks.items():
        connection.execute("insert into lake.price_aliases values (?, ?)", key)
        for one in entries:
            if isinstance(one, Alias) and one.key == key:
                _add_alias(connection, one, rank)
            elif isinstance(one, ModelPrices) and one.key == key:
                _add_model(connection, one, rank)
    if ranks:
        connection.execute(_TIERS, {"last": max(ranks.values())})


def _add_alias(connection: duckdb.DuckDBPyConnection, alias: Alias, rank: int) -> None:
    targets = list(_targets(connection, alias))
    if not targets:
        raise PriceBookError(
            f"llmops.toml: prices.alias {alias.provider} {alias.name}: model = {alias.model!r} is in no price book "
            f"under the provider {alias.model_provider or alias.provider}; `llmops prices show {alias.model}` says "
            "where it is: set model_provider, or give the name prices of its own under [[prices.model]]"
        )
    for target in targets:
        named = {"price_version": target.price_version, "of_provider": target.provider, "of_rank": target.match_rank}
        connection.execute(_ALIASED, _common(alias, rank) | named)


def _targets(connection: duckdb.DuckDBPyConnection, alias: Alias) -> list[Rule]:
    versions = connection.execute("select distinct price_version from lake.price_book").fetchall()
    provider = alias.model_provider or alias.provider
    return [rule for (version,) in versions for rule in rules_for(connection, version, alias.model, provider)]


def _add_model(connection: duckdb.DuckDBPyConnection, model: ModelPrices, rank: int) -> None:
    prices: dict[str, tuple[Decimal, str | None]] = {}
    for meter in METERS:
        own = model.usd_per_million.get(meter)
        if own is not None:
            prices[meter] = own, None
        elif CHARGED_AS.get(meter) in prices:
            whole = CHARGED_AS[meter]
            prices[meter] = prices[whole][0], prices[whole][1] or whole
    prices.setdefault("request", (Decimal(0), None))
    for meter, (usd, charged_as) in prices.items():
        own_values = {"context_window": model.context_window, "meter": meter, "usd_per_million": str(usd)}
        connection.execute(_OWN, _common(model, rank) | own_values | {"charged_as": charged_as})


def _common(one: Dated, rank: int) -> dict[str, Any]:
    match = json.dumps([[["equals", one.key[1]]]])
    return {
        "provider": one.provider,
        "name": one.name,
        "rank": rank,
        "match": match,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
    }
