"""The table of providers' usage and cost reports: one row per result of the raw records with outcome `report`.

It is made again from the raw rows whenever an arrival hour is entered in the ledger, and so is never newer or
older than it. Here it is said what each provider's numbers mean; what of a record is kept is the format's.
"""

from collections.abc import Iterable

import duckdb

from llmops_assets.formats.provider_usage_reports import DIMENSIONS
from llmops_assets.lake import Lake
from llmops_assets.tables import RAW
from llmops_assets.usage_tables import USAGE_REPORTS, USAGE_REPORTS_SPEC
from llmops_assets.windows import Window

RESULTS = '[{"start": "VARCHAR", "end": "VARCHAR", "members": "MAP(VARCHAR, VARCHAR)"}]'
# Names with columns of their own, and amounts: they are neither further dimensions nor meters.
OWN_COLUMNS = (
    "object",
    "project_id",
    "workspace_id",
    "user_id",
    "account_id",
    "api_key_id",
    "model",
    "service_tier",
    "line_item",
    "description",
    "amount",
    "amount.value",
    "amount.currency",
    "currency",
)
OTHER_DIMENSIONS = tuple(name for name in DIMENSIONS if name not in OWN_COLUMNS)


def write_usage_reports(lake: Lake, connection: duckdb.DuckDBPyConnection, source: str, window: Window) -> None:
    """Replace the rows of `source` in `window` by the results of the reports that the lake holds now.

    `connection` was prepared by `formats.prepare`. Nothing is written where there is no report and was none.
    """
    lake.mount(connection, {RAW: window})
    has_reports = _has_reports(connection, source)
    if not lake.exists(USAGE_REPORTS) and not has_reports:
        return
    lake.ensure(USAGE_REPORTS_SPEC)
    lake.mount(connection, {USAGE_REPORTS: window})
    if has_reports or _has_rows(connection, source):
        lake.replace(USAGE_REPORTS, window, connection, f"({_ROWS.format(source=source)})", where={"source": source})


def _has_reports(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    query = f"select exists (select 1 from lake.{RAW} where outcome = 'report' and source = ?)"
    return connection.execute(query, [source]).fetchall() == [(True,)]


def _has_rows(connection: duckdb.DuckDBPyConnection, source: str) -> bool:
    query = f"select exists (select 1 from lake.{USAGE_REPORTS} where source = ?)"
    return connection.execute(query, [source]).fetchall() == [(True,)]


def _count(name: str) -> str:
    return f"llm_count(m['{name}'], try_cast(m['{name}'] as double))"


def _sum(names: Iterable[str]) -> str:
    """SQL of a sum of counts; NULL where none is known."""
    known = [_count(name) for name in names]
    added = " + ".join(f"coalesce({count}, 0)" for count in known)
    return f"case when coalesce({', '.join(known)}) is not null then try({added}) end"


_WRITES = ("cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens")
_COLUMNS = {
    "provider": "case when starts_with(m['object'], 'organization.') then 'openai' else 'anthropic' end",
    "kind": "case when starts_with(m['object'], 'organization.') "
    "then regexp_replace(m['object'], '^organization[.]|[.]result$', '', 'g') "
    "when coalesce(m['amount'], m['currency'], m['cost_type']) is not null then 'costs' else 'usage.messages' end",
    "bucket_start": "llm_time(bucket_start, try_cast(bucket_start as double))",
    "bucket_end": "llm_time(bucket_end, try_cast(bucket_end as double))",
    "project_id": "m['project_id']",
    "workspace_id": "m['workspace_id']",
    "user_id": "coalesce(m['user_id'], m['account_id'])",
    "api_key_id": "m['api_key_id']",
    "model": "m['model']",
    "service_tier": "coalesce(llm_service_tier(lower(m['service_tier'])), "
    "case when m['batch'] = 'true' then 'batch' end)",
    "line_item": "coalesce(m['line_item'], m['description'])",
    "requests": f"coalesce({_count('num_model_requests')}, {_count('num_requests')})",
    "tokens_input": f"coalesce({_count('input_tokens')}, "
    f"{_sum(('uncached_input_tokens', 'cache_read_input_tokens', *_WRITES))})",
    "tokens_cache_read": f"coalesce({_count('input_cached_tokens')}, {_count('cache_read_input_tokens')})",
    "tokens_cache_write": f"coalesce({_count('input_cache_write_tokens')}, {_sum(_WRITES)})",
    "tokens_cache_write_1h": _count(_WRITES[1]),
    "tokens_output": _count("output_tokens"),
    "tokens_audio_input": _count("input_audio_tokens"),
    "tokens_image_input": _count("input_image_tokens"),
    "tokens_audio_output": _count("output_audio_tokens"),
    "web_search_requests": f"coalesce({_count('server_tool_use.web_search_requests')}, "
    f"case when contains(m['object'], 'web_search') then {_count('num_requests')} end)",
    # Anthropic's are in the hundredth part of the currency.
    "amount": "coalesce(llm_money(m['amount.value']), "
    "try_cast(m['amount'] as decimal(24, 12)) * cast(0.01 as decimal(3, 2)))",
    "currency": "upper(coalesce(m['amount.currency'], m['currency']))",
    "dimensions": f"map_from_entries(list_filter(map_entries(m), "
    f"lambda e: list_contains({list(OTHER_DIMENSIONS)}, e.key)))",
    "meters": f"map_from_entries(list_transform(list_filter(map_entries(m), lambda e: not list_contains("
    f"{[*OWN_COLUMNS, *OTHER_DIMENSIONS]}, e.key) and llm_money(e.value) is not null), "
    "lambda e: struct_pack(key := e.key, value := llm_money(e.value))))",
}
_ROWS = f"""
with reports as (
    select *, from_json(payload, '{RESULTS.replace("{", "{{").replace("}", "}}")}') as results
    from lake.{RAW}
    where outcome = 'report' and source = '{{source}}'
),
results as (
    select
        source, arrival_hour, uri, version, line, record_index, arrived_at,
        unnest(range(len(results))) as result_index,
        unnest(results) as result
    from reports
),
members as (
    select * exclude (result), result.start as bucket_start, result."end" as bucket_end, result.members as m
    from results
)
select
    * exclude (m, bucket_start, bucket_end),
    {", ".join(f"{sql} as {name}" for name, sql in _COLUMNS.items())}
from members
"""
