"""Every number of the page as the query that gives it: figures of one value, and tables.

The queries are what `llmops sql` takes; the report runs them and nothing else, so that a reader who repeats
one gets the page's number. Belongs here: names, labels, units and SQL over the tables `report_*`.
"""

from dataclasses import dataclass
from datetime import date

from llmops_assets.reports.amounts import Unit

TABLES_READ = (
    "report_days",
    "report_usage",
    "report_spend",
    "report_retries",
    "report_users",
    "report_model_signals",
    "report_routing",
)


@dataclass(frozen=True)
class FigureQuery:
    """One number: its label, unit and query."""

    key: str
    label: str
    unit: Unit
    sql: str


@dataclass(frozen=True)
class TableQuery:
    """Rows: the heading and unit of each column, and the query."""

    key: str
    title: str
    columns: tuple[tuple[str, Unit], ...]
    sql: str


def command(sql: str) -> str:
    """What to type to see a number again."""
    return f'llmops sql "{sql}"'


def of_day(sql: str, day: date) -> str:
    """The query for one day."""
    return sql.replace(":day", f"date '{day.isoformat()}'")


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
    _usage("gateway_lookups", "Calls that tell of the gateway's cache", "count", "sum(gateway_lookups)::bigint"),
    _usage("gateway_hits", "Hits of the gateway's cache", "count", "sum(gateway_hits)::bigint"),
    _usage("gateway_saved_usd", "What its hits saved", "usd", "sum(gateway_saved_usd)"),
    _usage("gateway_misses_cost_usd", "What its misses cost", "usd", "sum(gateway_misses_cost_usd)"),
    _usage(
        "prompt_cache_read_rate",
        "Input tokens read from a provider's prompt cache",
        "share",
        "sum(prompt_cache_read_tokens) / nullif(sum(prompt_cache_input_tokens), 0)",
    ),
    _usage("prompt_cache_requests", "Calls that tell of a prompt cache", "count", "sum(prompt_cache_requests)::bigint"),
    _usage(
        "prompt_cache_missed_tokens", "Input tokens that missed", "count", "sum(prompt_cache_missed_tokens)::bigint"
    ),
    _usage(
        "prompt_cache_misses_extra_usd",
        "What these cost beyond the price of a cache read",
        "usd",
        "sum(prompt_cache_misses_extra_usd)",
    ),
    _usage("failed_requests", "Failed calls", "count", "sum(failed_requests)::bigint"),
    _usage("paid_failures", "Failed calls that were paid for", "count", "sum(paid_failures)::bigint"),
    _usage("paid_failures_cost_usd", "What these cost", "usd", "sum(paid_failures_cost_usd)"),
    _usage("failures_without_cost", "Failed calls of unknown cost", "count", "sum(failures_without_cost)::bigint"),
    _retries(
        "attempts_per_request",
        "Attempts per logical request",
        "ratio",
        "sum(attempts) / nullif(sum(logical_requests), 0)",
    ),
    _retries("logical_requests", "Logical requests", "count", "sum(logical_requests)::bigint"),
    _retries("retries", "Attempts after the first", "count", "sum(retries)::bigint"),
    _retries("retried_cost_usd", "What the attempts cost that were tried again", "usd", "sum(retried_cost_usd)"),
    _retries("retried_without_cost", "Of unknown cost", "count", "sum(retried_without_cost)::bigint"),
    _retries(
        "requests_without_id", "Calls that name no logical request", "count", "(sum(requests) - sum(attempts))::bigint"
    ),
    _usage("truncated_requests", "Answers cut off at their length", "count", "sum(truncated_requests)::bigint"),
    _usage(
        "truncation_rate",
        "Share of answers that tell why they ended",
        "share",
        "sum(truncated_requests) / nullif(sum(finished_requests), 0)",
    ),
    _usage("truncated_cost_usd", "What these calls cost", "usd", "sum(truncated_cost_usd)"),
    _usage("truncated_without_cost", "Of unknown cost", "count", "sum(truncated_without_cost)::bigint"),
    _usage("unpriced_requests", "Calls of unknown cost", "count", "sum(unpriced_requests)::bigint"),
    _usage("price_missing_requests", "… whose price is unknown", "count", "sum(price_missing_requests)::bigint"),
    _usage("usage_missing_requests", "… whose usage is unknown", "count", "sum(usage_missing_requests)::bigint"),
    _usage("unpriced_tokens", "Tokens of calls of unknown cost", "count", "sum(unpriced_tokens)::bigint"),
    _usage("unpriced_without_tokens", "… that state no tokens", "count", "sum(unpriced_without_tokens)::bigint"),
    _usage("unattributed_requests", "Calls without a tenant", "count", "sum(unattributed_requests)::bigint"),
    _usage("unattributed_tokens", "Their tokens", "count", "sum(unattributed_tokens)::bigint"),
    _usage("unattributed_cost_usd", "What they cost", "usd", "sum(unattributed_cost_usd)"),
    _usage("requests_without_user", "Calls without a user", "count", "sum(requests_without_user)::bigint"),
    _usage("cost_without_user_usd", "What they cost", "usd", "sum(cost_without_user_usd)"),
    _routing("routing_saving_usd", "Saved by the recommended models", "usd", "sum(saving_usd)"),
    _routing("routing_recommendations", "Recommendations", "count", "count(*)"),
)


def _spend_by(dimension: str, title: str) -> TableQuery:
    def of(column: str, compared_with: str) -> str:
        return f"max({column}) filter (where compared_with = '{compared_with}')"

    return TableQuery(
        f"spend_by_{dimension}",
        title,
        (
            (dimension.capitalize(), "text"),
            ("Spend", "usd"),
            ("Day before", "change"),
            ("Volume", "change"),
            ("Rate", "change"),
            ("Mix", "change"),
            ("Week before", "change"),
            ("Calls", "count"),
            ("Unpriced", "count"),
        ),
        "select name, max(cost_usd), "
        + ", ".join(of(f"{column}_usd", "day before") for column in ("change", *_EFFECTS))
        + f", {of('change_usd', 'week before')}, max(requests), max(unpriced_requests) from report_spend "
        f"where report_date = :day and dimension = '{dimension}' "
        "group by name order by max(cost_usd) desc nulls last, name limit 12",
    )


_EFFECTS = ("volume_effect", "rate_effect", "mix_effect")

_GROUP_COLUMNS: tuple[tuple[str, Unit], ...] = (
    ("Tenant", "text"),
    ("Feature", "text"),
    ("From", "text"),
    ("To", "text"),
    ("Saving", "usd"),
    ("Cost", "usd"),
    ("Calls", "count"),
)
_GROUP = (
    "select tenant_id, feature, provider || ' ' || model, alternative_provider || ' ' || alternative_model, "
    "saving_usd, list_cost_usd, requests"
)
_BY_SAVING = (
    "order by saving_usd desc, tenant_id, feature, provider, model, price_model, alternative_provider, "
    "alternative_model limit 12"
)

TABLES: tuple[TableQuery, ...] = (
    _spend_by("tenant", "By tenant"),
    _spend_by("feature", "By feature"),
    _spend_by("provider", "By provider"),
    _spend_by("model", "By model"),
    TableQuery(
        "routing_recommended",
        "Recommended: cheaper, and no signal is worse",
        _GROUP_COLUMNS,
        f"{_GROUP} from report_routing where report_date = :day and is_recommended {_BY_SAVING}",
    ),
    TableQuery(
        "routing_unknown",
        "Cheaper, but too few calls to judge",
        _GROUP_COLUMNS,
        f"{_GROUP} from report_routing where report_date = :day and verdict = 'unknown' {_BY_SAVING}",
    ),
    TableQuery(
        "routing_worse",
        "Cheaper, but worse",
        (*_GROUP_COLUMNS, ("Worse in", "text")),
        f"{_GROUP}, array_to_string(worse_signals, ', ') from report_routing "
        f"where report_date = :day and verdict = 'worse' {_BY_SAVING}",
    ),
    TableQuery(
        "signals",
        "Signals of the last seven days",
        (
            ("Model", "text"),
            ("Calls", "count"),
            ("Errors", "share"),
            ("Cut off", "share"),
            ("Median", "ms"),
            ("95 of 100", "ms"),
            ("Enough calls", "text"),
        ),
        "select provider || ' ' || model, requests, error_rate, truncation_rate, latency_p50_ms, latency_p95_ms, "
        "case when is_sufficient then 'yes' else 'no' end from report_model_signals where report_date = :day "
        "order by requests desc, provider, model limit 20",
    ),
    TableQuery(
        "caching",
        "By model",
        (
            ("Model", "text"),
            ("Gateway hits", "share"),
            ("Saved", "usd"),
            ("Misses cost", "usd"),
            ("Prompt cache reads", "share"),
            ("Misses cost extra", "usd"),
        ),
        "select provider || ' ' || model, sum(gateway_hits) / nullif(sum(gateway_lookups), 0), "
        "sum(gateway_saved_usd), sum(gateway_misses_cost_usd), "
        "sum(prompt_cache_read_tokens) / nullif(sum(prompt_cache_input_tokens), 0), "
        "sum(prompt_cache_misses_extra_usd) from report_usage where report_date = :day "
        "group by provider, model "
        "order by sum(prompt_cache_misses_extra_usd) desc nulls last, provider, model limit 10",
    ),
    TableQuery(
        "failures",
        "Paid failures by model",
        (("Model", "text"), ("Cost", "usd"), ("Paid", "count"), ("Failed", "count"), ("Of unknown cost", "count")),
        "select provider || ' ' || model, sum(paid_failures_cost_usd), sum(paid_failures)::bigint, "
        "sum(failed_requests)::bigint, sum(failures_without_cost)::bigint from report_usage where report_date = :day "
        "group by provider, model having sum(failed_requests) > 0 "
        "order by sum(paid_failures_cost_usd) desc nulls last, provider, model limit 10",
    ),
    TableQuery(
        "retries",
        "Retries by tenant and feature",
        (("Tenant", "text"), ("Feature", "text"), ("Retried cost", "usd"), ("Retries", "count"), ("Requests", "count")),
        "select tenant_id, feature, retried_cost_usd, retries, logical_requests from report_retries "
        "where report_date = :day and retries > 0 "
        "order by retried_cost_usd desc nulls last, retries desc, tenant_id, feature limit 10",
    ),
    TableQuery(
        "truncated",
        "Cut-off answers by feature and model",
        (("Feature", "text"), ("Model", "text"), ("Cost", "usd"), ("Cut off", "count"), ("Rate", "share")),
        "select feature, provider || ' ' || model, sum(truncated_cost_usd), sum(truncated_requests)::bigint, "
        "sum(truncated_requests) / nullif(sum(finished_requests), 0) from report_usage where report_date = :day "
        "group by feature, provider, model having sum(truncated_requests) > 0 "
        "order by sum(truncated_cost_usd) desc nulls last, feature, provider, model limit 10",
    ),
    TableQuery(
        "users",
        "Most expensive users",
        (("User", "text"), ("Tenant", "text"), ("Cost", "usd"), ("Day before", "usd"), ("Calls", "count")),
        "select user_id, tenant_id, cost_usd, day_before_cost_usd, requests from report_users "
        "where report_date = :day order by cost_rank limit 15",
    ),
    TableQuery(
        "unpriced",
        "Calls of unknown cost by model",
        (("Model", "text"), ("Calls", "count"), ("No price", "count"), ("No usage", "count"), ("Tokens", "count")),
        "select provider || ' ' || model, sum(unpriced_requests)::bigint, sum(price_missing_requests)::bigint, "
        "sum(usage_missing_requests)::bigint, sum(unpriced_tokens)::bigint from report_usage "
        "where report_date = :day group by provider, model having sum(unpriced_requests) > 0 "
        "order by sum(unpriced_requests) desc, provider, model limit 10",
    ),
    TableQuery(
        "unattributed",
        "Calls without a tenant, by feature",
        (("Feature", "text"), ("Cost", "usd"), ("Calls", "count"), ("Tokens", "count")),
        "select feature, sum(unattributed_cost_usd), sum(unattributed_requests)::bigint, "
        "sum(unattributed_tokens)::bigint from report_usage where report_date = :day group by feature "
        "having sum(unattributed_requests) > 0 order by sum(unattributed_cost_usd) desc nulls last, feature limit 10",
    ),
)
