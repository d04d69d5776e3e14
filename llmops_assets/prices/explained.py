"""Why a call costs what it costs: its meters, the price of each, which rule gave it, and which of several costs
counts.

Belongs here: one call that is in the lake, worked out again in decimals from the book of its hour. A sum that is
not the one in the lake is said to differ, never hidden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import duckdb

from llmops_assets.prices.book import METERS
from llmops_assets.prices.lookup import rules_for

PLACES = Decimal("1e-12")
UNKNOWN = "unknown"
"""How tables show a provider that no record tells."""

DIGITS = 60
"""Enough for any price times any count, exactly."""

_PRICES = """
select
    model, match::json::varchar as rule, coalesce(service_tier, 'standard') as service_tier, region_scope, valid_from,
    valid_to, daily_from, daily_to, tier_start, tier_end, meter, price_usd, usd_per_million, charged_as, origin, source
from lake.price_book
where
    price_version = $version and provider = $provider and match_rank = $rank and model = $model
    and service_tier is not distinct from case when exists (
        select 1 from lake.price_book as tiers
        where tiers.price_version = $version and tiers.provider = $provider and tiers.match_rank = $rank
            and tiers.service_tier = $tier
    ) then $tier end
    and coalesce(valid_from <= $at, true) and coalesce(valid_to > $at, true)
    and coalesce(daily_from <= timezone('UTC', $at)::time, true)
    and coalesce(daily_to > timezone('UTC', $at)::time, true)
    and tier_start <= $tokens and coalesce(tier_end > $tokens, true)
"""

_REASONS = {
    "reported": 'the source is configured with cost = "reported": its figure as it stands',
    "billed": "the provider's own charge",
    "list": "price × meters, at the list prices of the call's time",
    "estimated": "the list cost is unknown; a gateway's own estimate that is not zero",
    "unpriced": "nothing is known",
}


@dataclass(frozen=True)
class Line:
    """One meter of a call: quantity × price = amount, and who says the price."""

    meter: str
    quantity: int | None
    usd_per_million: Decimal | None
    amount_usd: Decimal | None
    charged_as: str | None
    origin: str | None
    source: str | None


@dataclass(frozen=True)
class Explanation:
    """A call, its lines, the rule of the book that it met, and what they add up to."""

    call: Mapping[str, Any]
    lines: Sequence[Line]
    rule: Mapping[str, Any] | None
    metered_usd: Decimal | None

    @property
    def agrees(self) -> bool:
        """Whether the lines give the list cost that is in the lake."""
        return bool(self.call["cache_hit"]) or self.metered_usd == self.call["list_cost_usd"]

    @property
    def reason(self) -> str:
        """Why this cost counts."""
        if self.call["cost_source"] == "free":
            return "a gateway's cache hit" if self.call["cache_hit"] else "refused by the provider, without usage"
        return _REASONS[self.call["cost_source"]]


def explained(connection: duckdb.DuckDBPyConnection, call: Mapping[str, Any]) -> Explanation:
    """Work out the cost of a row of `llm_requests` from `lake.price_book`."""
    prices = _prices(connection, call)
    lines = [_line(meter, call, prices) for meter in METERS]
    rule = next(iter(prices.values()), None)
    known = rule is not None and "usage_missing" not in (call["flags"] or []) and not _is_unknown(lines)
    total = sum((line.amount_usd or Decimal(0) for line in lines), Decimal(0)).quantize(PLACES) if known else None
    return Explanation(call, lines, rule, total)


def _prices(connection: duckdb.DuckDBPyConnection, call: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By meter, the prices that hold for the call."""
    version, provider = call["price_version"], call["provider"] or UNKNOWN
    for name in (call["model"], call["requested_model"]):
        rules = rules_for(connection, version, name, provider, call["region_scope"]) if name else ()
        for rule in rules:
            found = {"version": version, "provider": provider, "rank": rule.match_rank, "model": call["price_model"]}
            size = {"tier": (call["service_tier"] or "standard").lower(), "tokens": call["tokens_input"] or 0}
            rows = connection.execute(_PRICES, found | size | {"at": call["event_time"]})
            names = [column[0] for column in rows.description or ()]
            records = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
            if records:
                return {str(record["meter"]): record for record in records}
    return {}


def _line(meter: str, call: Mapping[str, Any], prices: Mapping[str, Mapping[str, Any]]) -> Line:
    quantity = call[f"meter_{meter}"]
    if quantity is None and meter == "web_search":
        quantity = 0
    price = prices.get(meter, {})
    usd = price.get("price_usd")
    amount = Decimal(0) if quantity == 0 else None
    if quantity and usd is not None:
        with localcontext() as exact:
            exact.prec = DIGITS
            amount = (usd * quantity).quantize(PLACES, ROUND_HALF_EVEN)
    return Line(
        meter,
        quantity,
        price.get("usd_per_million"),
        amount,
        price.get("charged_as"),
        price.get("origin") if usd is not None else None,
        price.get("source") if usd is not None else None,
    )


def _is_unknown(lines: Sequence[Line]) -> bool:
    return any(line.amount_usd is None for line in lines)
