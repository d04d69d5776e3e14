"""`llmops demo`: the example through the whole pipeline, and the proof that nothing was lost.

What was planted was counted by the generator, which shares no code with the decoders; what was found is
read from the lake.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from llmops_assets.cli import generate, sync
from llmops_assets.cli.console import errors, out
from llmops_assets.cli.tables import lines
from llmops_assets.generator import Planted
from llmops_assets.lake import Lake
from llmops_assets.reports.content import read_report
from llmops_assets.reports.files import report_path
from llmops_assets.reports.page import MAIN_FINDINGS
from llmops_assets.settings import Settings
from llmops_assets.warehouse.due import published

Counts = dict[str, int]

_FOUND = """
select 'records', count(*) from raw_llm_events
union all select 'accepted', count(*) from raw_llm_events where outcome = 'accepted'
union all select 'rejected: ' || reject_reason, count(*) from raw_llm_events where outcome = 'rejected' group by all
union all select 'exact duplicates', coalesce(sum(exact_duplicates), 0) from event_conservation
union all select 'conflicting duplicates', count(*) from event_conflicts
union all select 'calls', count(*) from llm_requests
union all select 'calls of unknown models (unpriced)', count(*) from llm_requests where list_contains(flags, 'unpriced')
union all
select 'calls without usage', count(*) from llm_requests where list_contains(flags, 'usage_missing')
union all
select 'calls a day late', count(*) from llm_requests where arrived_at >= event_time + interval 20 hour
union all select 'input tokens', sum(tokens_input) from llm_requests
union all select 'output tokens', sum(tokens_output) from llm_requests
"""

_HOURS = """
select source, arrival_hour, sum(records), sum(accepted), sum(rejected) from ingest_ledger
where records > 0 group by all order by all
"""

_QUARTER = """
select
    strftime(window_start, '%H:%M') || '–' || strftime(window_end, '%H:%M') as window, tenant_id, model,
    total_requests as requests, round(avg_latency_ms) as latency_ms, round(error_rate, 3) as errors,
    round(cache_hit_rate, 3) as hits, round(total_cost_usd, 4) as cost_usd
from llm_operations_metrics
where window_start = (
    select window_start from llm_operations_metrics
    group by window_start order by sum(total_requests) desc, window_start limit 1
)
order by total_requests desc, tenant_id, model
limit 10
"""

_COST = """
select tenant_id, model, sum(meter_request)::bigint as requests, round(sum(cost_usd), 2) as cost_usd,
    sum(unpriced_requests)::bigint as unpriced
from tenant_cost_daily
group by all
order by sum(cost_usd) desc nulls last, tenant_id, model
limit 12
"""


def run(folder: Path) -> int:
    """Write the example, catch up, compare and show; 0 if every count equals what was planted."""
    planted = generate.write(folder, days=3, calls=60_000, seed=1)
    errors.print(f"the example is in {folder}: {planted.objects} objects, {planted.records:,} records", highlight=False)
    os.environ["LLMOPS_CONFIG"] = str((folder / "llmops.toml").resolve())
    if sync.run(None, None, quiet=False):
        return 1
    settings = Settings.load()
    lake = Lake.open(settings.lake_catalog)
    equal = _show(lake, planted)
    _show_report(lake, settings)
    _show_next_steps(folder)
    return 0 if equal else 1


def _show(lake: Lake, planted: Planted) -> bool:
    with lake.reader(lake.tables()) as connection:
        connection.execute("set schema = 'lake'")
        found = {name: int(count) for name, count in connection.execute(_FOUND).fetchall()}
        hours = [(source, hour, *map(int, counts)) for source, hour, *counts in connection.execute(_HOURS).fetchall()]
        equal = _show_ledger(_counts(planted), found, _planted_hours(planted) == sorted(hours), len(hours))
        for title, query in (
            ("The busiest 15 minutes, by tenant and model (llm_operations_metrics)", _QUARTER),
            ("Cost of the three days, by tenant and model (tenant_cost_daily)", _COST),
        ):
            relation = connection.sql(query)
            _print(title, relation.columns, relation.fetchall())
    return equal


def _counts(planted: Planted) -> Counts:
    return {
        "records": planted.records,
        "accepted": planted.accepted,
        **{f"rejected: {reason}": count for reason, count in planted.rejects.items()},
        "exact duplicates": planted.exact_duplicates,
        "conflicting duplicates": planted.conflicts,
        "calls": planted.events,
        "calls of unknown models (unpriced)": planted.unknown_model_calls,
        "calls without usage": planted.usage_missing_calls,
        "calls a day late": planted.late_records,
        "input tokens": planted.tokens_input,
        "output tokens": planted.tokens_output,
    }


def _planted_hours(planted: Planted) -> list[tuple[object, ...]]:
    hours = (hour for hour in planted.hours if hour.records)
    return sorted((hour.source, hour.arrival_hour, hour.records, hour.accepted, hour.rejected) for hour in hours)


def _show_ledger(planted: Counts, found: Counts, hours_equal: bool, hours: int) -> bool:
    names = {**planted, **found}
    differing = [name for name in names if planted.get(name, 0) != found.get(name, 0)]
    rows = [
        (name, f"{planted.get(name, 0):,}", f"{found.get(name, 0):,}", _mark(name not in differing)) for name in names
    ]
    rows.append((f"each of {hours} arrival hours by source", "", "", _mark(hours_equal)))
    _print("The ledger: what was planted, and what the lake holds", ("", "planted", "found", ""), rows)
    equal = hours_equal and not differing
    verdict = "[green]every count is equal[/green]" if equal else "[red]the ledger differs from what was planted[/red]"
    out.print(verdict)
    return equal


def _mark(equal: bool) -> str:
    return "=" if equal else "differs"


def _print(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    shown = [["" if value is None else str(value) for value in row] for row in rows]
    out.print(f"\n[bold]{title}[/bold]")
    for line in lines(columns, shown, None):
        out.out(line, highlight=False)


def _show_report(lake: Lake, settings: Settings) -> None:
    """Where the last day's report is, and the main things that it says."""
    days = published(lake, "report_file")
    if not days:
        return
    report = read_report(lake, max(days).date())
    spent = report.figures["spend_usd"].shown
    rows = [(f"{number}.", one.title) for number, one in enumerate(report.findings[:MAIN_FINDINGS], start=1)]
    _print(f"What to change, says the report of {report.day} ({spent} spent)", ("", ""), rows)
    out.out(f"the whole report: {report_path(settings, report.day)}", highlight=False)


def _show_next_steps(folder: Path) -> None:
    steps = {
        "make dev": "the Dagster UI on this lake: graph, partitions, checks",
        '.venv/bin/llmops sql "from cost_per_user limit 5"': "any table; .venv/bin/llmops --help says more",
        f"cp {folder / 'llmops.toml'} .": "then point a source at your own folder or bucket, and",
        ".venv/bin/llmops sync": "catch up with what it holds",
    }
    _print("Look further", ("", ""), list(steps.items()))
