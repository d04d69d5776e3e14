"""The lists of the page: title, columns and query of each.

Lists are short, and ordered by money and then by name, so that equal tables give equal pages. Belongs here:
SQL with rows over the tables `report_*`.
"""

from llmops_assets.reports.amounts import Unit
from llmops_assets.reports.queries import TableQuery

_EFFECTS = ("volume_effect", "rate_effect", "mix_effect")


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


_ALTERNATIVE_COLUMNS: tuple[tuple[str, Unit], ...] = (
    ("Saving", "usd"),
    ("To", "text"),
    ("From", "text"),
    ("Tenant", "text"),
    ("Feature", "text"),
    ("Cost", "usd"),
    ("Calls", "count"),
)
_ALTERNATIVE = (
    "select saving_usd, alternative_provider || ' ' || alternative_model, provider || ' ' || model, tenant_id, "
    "feature, list_cost_usd, requests"
)
_BY_SAVING = (
    "order by saving_usd desc, tenant_id, feature, provider, model, price_model, alternative_provider, "
    "alternative_model limit 12"
)
_BEST_OF_A_GROUP = (
    "qualify row_number() over (partition by tenant_id, feature, provider, model, price_model "
    "order by saving_usd desc, alternative_provider, alternative_model) = 1"
)


TABLES: tuple[TableQuery, ...] = (
    _spend_by("tenant", "By tenant"),
    _spend_by("feature", "By feature"),
    _spend_by("provider", "By provider"),
    _spend_by("model", "By model"),
    TableQuery(
        "routing_recommended",
        "Recommended: cheaper, and no signal is worse",
        _ALTERNATIVE_COLUMNS,
        f"{_ALTERNATIVE} from report_routing where report_date = :day and is_recommended {_BY_SAVING}",
    ),
    TableQuery(
        "routing_unknown",
        "Cheaper, but too few calls to judge",
        _ALTERNATIVE_COLUMNS,
        f"{_ALTERNATIVE} from report_routing where report_date = :day and verdict = 'unknown' "
        f"{_BEST_OF_A_GROUP} {_BY_SAVING}",
    ),
    TableQuery(
        "routing_worse",
        "Cheaper, but worse",
        (*_ALTERNATIVE_COLUMNS, ("Worse in", "text")),
        f"{_ALTERNATIVE}, array_to_string(worse_signals, ', ') from report_routing "
        f"where report_date = :day and verdict = 'worse' {_BEST_OF_A_GROUP} {_BY_SAVING}",
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
