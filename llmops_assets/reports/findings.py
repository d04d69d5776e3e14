"""What a reader should change first: money that was lost or could be saved, dearest first.

Belongs here: sentences made of figures. The figures are `reports.queries`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmops_assets.reports.amounts import count, usd

Values = Mapping[str, Any]
Tables = Mapping[str, Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class Finding:
    """One sentence, the money it is about, and the figure that says so."""

    title: str
    amount_usd: Decimal
    figure: str


def findings(values: Values, tables: Tables) -> list[Finding]:
    """All findings of more than zero dollars, dearest first."""
    found = [
        _routing(values, tables),
        _failures(values, tables),
        _retries(values),
        _truncated(values, tables),
        _prompt_cache(values, tables),
    ]
    known = [one for one in found if one is not None and one.amount_usd > 0]
    return sorted(known, key=lambda one: (-one.amount_usd, one.figure))


def _routing(values: Values, tables: Tables) -> Finding | None:
    saving, rows = values["routing_saving_usd"], tables["routing_recommended"]
    if not saving or not rows:
        return None
    most, alternative, model, tenant, feature, *_ = rows[0]
    groups = values["routing_recommendations"]
    return Finding(
        f"Cheaper models of the same class would have saved {usd(saving)} in {count(groups)} places; "
        f"most of all {alternative} instead of {model} for tenant {tenant}, feature {feature} ({usd(most)})",
        saving,
        "routing_saving_usd",
    )


def _failures(values: Values, tables: Tables) -> Finding | None:
    cost = values["paid_failures_cost_usd"]
    if not cost:
        return None
    model, most = tables["failures"][0][:2]
    return Finding(
        f"{count(values['paid_failures'])} failed calls were paid for: {usd(cost)}, "
        f"most of it to {model} ({usd(most)})",
        cost,
        "paid_failures_cost_usd",
    )


def _retries(values: Values) -> Finding | None:
    cost = values["retried_cost_usd"]
    if not cost:
        return None
    return Finding(
        f"Attempts that had to be tried again cost {usd(cost)}, in {count(values['retries'])} retries",
        cost,
        "retried_cost_usd",
    )


def _truncated(values: Values, tables: Tables) -> Finding | None:
    cost = values["truncated_cost_usd"]
    if not cost:
        return None
    feature, model, most = tables["truncated"][0][:3]
    return Finding(
        f"{count(values['truncated_requests'])} answers were cut off at their length and paid for: {usd(cost)}, "
        f"most of it for {feature} on {model} ({usd(most)})",
        cost,
        "truncated_cost_usd",
    )


def _prompt_cache(values: Values, tables: Tables) -> Finding | None:
    cost = values["prompt_cache_misses_extra_usd"]
    if not cost:
        return None
    rows = [row for row in tables["caching"] if row[5] is not None]
    model, most = rows[0][0], rows[0][5]
    return Finding(
        f"Input that no prompt cache held cost {usd(cost)} more than cache reads would, most of it on {model} "
        f"({usd(most)})",
        cost,
        "prompt_cache_misses_extra_usd",
    )
