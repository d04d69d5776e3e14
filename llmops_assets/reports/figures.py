"""The single numbers of the page: label, unit and query of each.

A count over no calls is 0; an amount is 0 if there is no call of its kind, and unknown if there are some and
none tells it. Belongs here: SQL with one value over the tables `report_*`.
"""

from llmops_assets.reports.amounts import Unit
from llmops_assets.reports.queries import FigureQuery


def _count(column: str) -> str:
    return f"coalesce(sum({column}), 0)::bigint"


def _amount(column: str, *, of: str, kind: str = "decimal(38, 12)") -> str:
    """The sum of what calls cost or consumed: 0 if there is no such call, unknown if no call tells it."""
    return f"case when {_count(of)} = 0 then 0 else sum({column}) end::{kind}"


def _usage(key: str, label: str, unit: Unit, expression: str) -> FigureQuery:
    return FigureQuery(key, label, unit, f"select {expression} from report_usage where report_date = :day")


def _day(key: str, label: str, unit: Unit, expression: str) -> FigureQuery:
    return FigureQuery(key, label, unit, f"select {expression} from report_days where report_date = :day")


def _spend(key: str, label: str, column: str, compared_with: str) -> FigureQuery:
    return FigureQuery(
        f"{key}_{compared_with.replace(' ', '_')}",
        label,
        "change" if column != "cost_before_usd" else "usd",
        f"select {column} from report_spend where report_date = :day and dimension = 'all' "
        f"and compared_with = '{compared_with}'",
    )


def _retries(key: str, label: str, unit: Unit, expression: str) -> FigureQuery:
    return FigureQuery(key, label, unit, f"select {expression} from report_retries where report_date = :day")


def _routing(key: str, label: str, unit: Unit, expression: str) -> FigureQuery:
    return FigureQuery(
        key, label, unit, f"select {expression} from report_routing where report_date = :day and is_recommended"
    )


FIGURES: tuple[FigureQuery, ...] = (
    _day("spend_usd", "Spend", "usd", "cost_usd"),
    _day("requests", "Calls", "count", "requests"),
    *(
        _spend(key, label.format(other), column, f"{other} before")
        for other in ("day", "week")
        for key, label, column in (
            ("cost", "Spend of the {} before", "cost_before_usd"),
            ("change", "Change against the {} before", "change_usd"),
            ("volume_effect", "Volume: tokens against the {} before", "volume_effect_usd"),
            ("rate_effect", "Rate: cost of a token against the {} before", "rate_effect_usd"),
            ("mix_effect", "Mix: everything else against the {} before", "mix_effect_usd"),
        )
    ),
    _usage(
        "gateway_hit_rate",
        "Calls that the gateway's cache answered",
        "share",
        "sum(gateway_hits) / nullif(sum(gateway_lookups), 0)",
    ),
    _usage("gateway_lookups", "Calls that tell of the gateway's cache", "count", _count("gateway_lookups")),
    _usage("gateway_hits", "Hits of the gateway's cache", "count", _count("gateway_hits")),
    _usage("gateway_saved_usd", "What its hits saved", "usd", _amount("gateway_saved_usd", of="gateway_hits")),
    _usage("gateway_misses_cost_usd", "What its misses cost", "usd", "sum(gateway_misses_cost_usd)"),
    _usage(
        "prompt_cache_read_rate",
        "Input tokens read from a provider's prompt cache",
        "share",
        "sum(prompt_cache_read_tokens) / nullif(sum(prompt_cache_input_tokens), 0)",
    ),
    _usage("prompt_cache_requests", "Calls that tell of a prompt cache", "count", _count("prompt_cache_requests")),
    _usage(
        "prompt_cache_missed_tokens", "Input tokens that missed", "count", "sum(prompt_cache_missed_tokens)::bigint"
    ),
    _usage(
        "prompt_cache_misses_extra_usd",
        "What these cost beyond the price of a cache read",
        "usd",
        "sum(prompt_cache_misses_extra_usd)",
    ),
    _usage("failed_requests", "Failed calls", "count", _count("failed_requests")),
    _usage("paid_failures", "Failed calls that were paid for", "count", _count("paid_failures")),
    _usage("paid_failures_cost_usd", "What these cost", "usd", _amount("paid_failures_cost_usd", of="paid_failures")),
    _usage("failures_without_cost", "Failed calls of unknown cost", "count", _count("failures_without_cost")),
    _retries(
        "attempts_per_request",
        "Attempts per logical request",
        "ratio",
        "sum(attempts) / nullif(sum(logical_requests), 0)",
    ),
    _retries("logical_requests", "Logical requests", "count", _count("logical_requests")),
    _retries("retries", "Attempts after the first", "count", _count("retries")),
    _retries(
        "retried_cost_usd",
        "What the attempts cost that were tried again",
        "usd",
        "case when sum(attempts) > 0 and sum(retries) = 0 then 0 else sum(retried_cost_usd) end",
    ),
    _retries("retried_without_cost", "Of unknown cost", "count", _count("retried_without_cost")),
    _retries(
        "requests_without_id",
        "Calls that name no logical request",
        "count",
        "coalesce(sum(requests - attempts), 0)::bigint",
    ),
    _usage("truncated_requests", "Answers cut off at their length", "count", _count("truncated_requests")),
    _usage(
        "truncation_rate",
        "Cut off, of the answers that tell why they ended",
        "share",
        "sum(truncated_requests) / nullif(sum(finished_requests), 0)",
    ),
    _usage(
        "truncated_cost_usd", "What these calls cost", "usd", _amount("truncated_cost_usd", of="truncated_requests")
    ),
    _usage("truncated_without_cost", "Of unknown cost", "count", _count("truncated_without_cost")),
    _usage("unpriced_requests", "Calls of unknown cost", "count", _count("unpriced_requests")),
    _usage("price_missing_requests", "… whose price is unknown", "count", _count("price_missing_requests")),
    _usage("usage_missing_requests", "… whose usage is unknown", "count", _count("usage_missing_requests")),
    _usage(
        "unpriced_tokens",
        "Tokens of calls of unknown cost",
        "count",
        _amount("unpriced_tokens", of="unpriced_requests", kind="bigint"),
    ),
    _usage("unpriced_without_tokens", "… that state no tokens", "count", _count("unpriced_without_tokens")),
    _usage("unattributed_requests", "Calls without a tenant", "count", _count("unattributed_requests")),
    _usage(
        "unattributed_tokens",
        "Their tokens",
        "count",
        _amount("unattributed_tokens", of="unattributed_requests", kind="bigint"),
    ),
    _usage(
        "unattributed_cost_usd", "What they cost", "usd", _amount("unattributed_cost_usd", of="unattributed_requests")
    ),
    _usage("requests_without_user", "Calls without a user", "count", _count("requests_without_user")),
    _usage(
        "cost_without_user_usd", "What they cost", "usd", _amount("cost_without_user_usd", of="requests_without_user")
    ),
    _routing("routing_saving_usd", "Saved by the recommended models", "usd", "coalesce(sum(saving_usd), 0)"),
    _routing("routing_recommendations", "Recommendations", "count", "count(*)"),
)
