"""What a materialization, and a check of it, show in the UI: amounts, a few rows, a line over time, what to do.

Belongs here: turning reports of runs into Dagster's metadata and Markdown. The UI shows Markdown in place
below a thousand characters and behind a button beyond, and no image that is not on a server: lines are text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from llmops_assets.defs.models import LINEAGE_ENTRY
from llmops_assets.ingest import RefreshReport
from llmops_assets.ingest.kafka_objects import KafkaReport
from llmops_assets.lake import Commit
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.warehouse import BuildReport
from llmops_assets.warehouse.dbt import NodeResult
from llmops_assets.warehouse.preview import Look
from llmops_assets.windows import DAY, HOUR, Window, contiguous

SHOWN_IN_PLACE = 1000
LONGEST_VALUE = 40
_BARS = "▁▂▃▄▅▆▇█"
_EVENT_ID = re.compile(r"(?:^|[ ,])event_id=([\w.:/-]+)")


def table_entries(report: BuildReport, name: str) -> dict[str, dg.MetadataValue]:
    """A table of a build: window, seconds of its model, rows and bytes, and how it looks."""
    seconds = sum((result.seconds for result in report.results if not result.is_test and result.name == name), 0.0)
    commit, look = report.commits.get(name), report.looks.get(name)
    return {
        "window": dg.MetadataValue.text(str(report.window)),
        **(_look_entries(look) if look else {}),
        **(commit_entries(name, commit) if commit else {}),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


def commit_entries(name: str, commit: Commit) -> dict[str, dg.MetadataValue]:
    """What a commit left in a table, and how to see more of it."""
    return {
        "dagster/row_count": dg.MetadataValue.int(commit.rows),
        "bytes": dg.MetadataValue.int(commit.bytes),
        "snapshot_id": dg.MetadataValue.text(str(commit.snapshot_id)),
        "look": dg.MetadataValue.md(f'`llmops sql "from {name} limit 20"`'),
    }


def show_lineage(context: dg.AssetExecutionContext) -> None:
    """The lineage of columns, which the UI reads from an asset's newest materialization: on the last partition only."""
    last = max(context.partition_keys)
    for key in context.selected_asset_keys:
        lineage = context.assets_def.metadata_by_key[key].get(LINEAGE_ENTRY)
        if lineage is not None:
            context.add_asset_metadata({LINEAGE_ENTRY: lineage}, asset_key=key, partition_key=last)


def source_entries(report: RefreshReport, seconds: float) -> dict[str, dg.MetadataValue]:
    """A refresh of a source: what was new, what became of its records, and which event hours they touch."""
    touched = [str(window) for window in contiguous(report.touched_hours)]
    return {
        "window": dg.MetadataValue.text(str(report.window)),
        "outcomes": dg.MetadataValue.md(_outcomes(report)),
        "dagster/row_count": dg.MetadataValue.int(report.records),
        "new_objects": dg.MetadataValue.int(report.objects),
        "bytes": dg.MetadataValue.int(report.bytes),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
        "touched_event_hours": dg.MetadataValue.json(touched),
        **(topic_entries(report.kafka) if report.kafka is not None else {}),
    }


def topic_entries(report: KafkaReport) -> dict[str, dg.MetadataValue]:
    """How far a source is behind its topics, partition by partition, the furthest first."""
    rows = [
        (f"{lag.place.topic}/{lag.place.partition}", lag.read_to, lag.end, lag.records, lag.waiting, lag.seconds)
        for lag in sorted(report.lags, key=lambda lag: (-lag.records, lag.place))
    ]
    columns = ("partition", "read to", "end", "lag", "in open transactions", "seconds")
    return {
        "lag_records": dg.MetadataValue.int(sum(lag.records for lag in report.lags)),
        "lag_seconds": dg.MetadataValue.float(max((lag.seconds or 0.0 for lag in report.lags), default=0.0)),
        "lag": dg.MetadataValue.md(markdown_table(columns, rows) if rows else "unknown"),
        "tombstones": dg.MetadataValue.int(report.tombstones),
        **({"notes": dg.MetadataValue.md("\n\n".join(report.notes))} if report.notes else {}),
    }


def unread_entries(failures: Mapping[str, str]) -> dict[str, dg.MetadataValue]:
    """How many objects could not be read, some of them, and what to do."""
    entries: dict[str, dg.MetadataValue] = {"unread_objects": dg.MetadataValue.int(len(failures))}
    if failures:
        entries["examples"] = dg.MetadataValue.md(markdown_table(("object", "why"), failures.items(), longest=200))
        entries["look"] = dg.MetadataValue.md(
            f'```\nllmops sql "select uri, failure, checked_at from {LEDGER} where failure is not null"\n```'
        )
        entries["what_to_do"] = dg.MetadataValue.text(
            "Make the objects readable, or delete them: the hour is tried again by itself, and by llmops sync."
        )
    return entries


def _outcomes(report: RefreshReport) -> str:
    """New records by outcome and, of rejects, by reason; no record itself."""
    if not report.records:
        return "nothing new"
    counts = [(outcome, "", count) for outcome, count in _descending(report.outcomes)]
    reasons = [("", reason, count) for reason, count in _descending(report.rejects)]
    return markdown_table(("outcome", "reason", "records"), [*counts, *reasons])


def _descending(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _look_entries(look: Look) -> dict[str, dg.MetadataValue]:
    entries: dict[str, dg.MetadataValue] = {}
    if any(sum(value is not None for value in values) > 1 for values in look.series.values()):
        entries[f"per_{_named(look.step)}"] = dg.MetadataValue.md(_lines(look))
    if look.rows:
        entries["preview"] = dg.MetadataValue.md(markdown_table(look.columns, look.rows))
    return entries


def _named(step: timedelta) -> str:
    names = {HOUR / 4: "15_minutes", HOUR: "hour", 3 * HOUR: "3_hours", 6 * HOUR: "6_hours", DAY: "day"}
    return names.get(step, f"{int(step.total_seconds())}_s")


def _lines(look: Look) -> str:
    rows = []
    for name, values in look.series.items():
        known = [value for value in values if value is not None]
        if known:
            rows.append((name, f"`{sparkline(values)}`", min(known), max(known), sum(known)))
    return f"{look.window}\n\n" + markdown_table(("", "over time", "least", "most", "sum"), rows, longest=80)


def sparkline(values: Sequence[float | None]) -> str:
    """One bar per value, from zero to the greatest; a dot where there is no row."""
    greatest = max((value for value in values if value is not None), default=0)
    scale = (len(_BARS) - 1) / greatest if greatest > 0 else 0
    return "".join("·" if value is None else _BARS[max(0, round(value * scale))] for value in values)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, longest: int = LONGEST_VALUE) -> str:
    """The rows as a table, as many of the first as the UI shows in place, and at least one."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        line = "| " + " | ".join(_cell(value, longest) for value in row) + " |"
        if len(lines) > 2 and sum(map(len, lines)) + len(lines) + len(line) >= SHOWN_IN_PLACE:
            break
        lines.append(line)
    return "\n".join(lines)


def _cell(value: Any, longest: int) -> str:
    text = _text(value)
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("|", "\\|")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.day}\u00a0{value:%b}\u00a0{value:%H:%M}"  # which the UI does not break into three lines
    if isinstance(value, float | Decimal):
        return _number(value)
    return " ".join(str(value).split())


def _number(value: float | Decimal) -> str:
    """A number for reading: whole where it is, else with four digits that tell something."""
    if value == int(value):
        return str(int(value))
    return f"{value:.2f}" if value >= 100 or value <= -100 else f"{value:.4g}"


def check_entries(result: NodeResult, examples: str, window: Window) -> dict[str, dg.MetadataValue]:
    """A data test: how many rows failed, some of them, and what to do."""
    entries: dict[str, dg.MetadataValue] = {
        "failing_rows": dg.MetadataValue.int(result.failures),
        "window": dg.MetadataValue.text(str(window)),
    }
    if result.status == "pass":
        return entries
    if examples:
        entries["examples"] = dg.MetadataValue.text(examples)
    elif result.message:
        entries["message"] = dg.MetadataValue.text(result.message)
    # Text, because the page of a check hides Markdown of any length behind a button.
    return entries | {"what_to_do": dg.MetadataValue.text(what_to_do(result, examples, window))}


def what_to_do(result: NodeResult, examples: str, window: Window) -> str:
    """The next steps after a data test failed, with the query that shows the records behind it."""
    standing = (
        "The window was published all the same: this test warns."
        if result.severity == "warn" and not result.failed
        else "Nothing of the window was published; the tables keep their last published rows."
    )
    return (
        f"{standing}\n"
        f'1. See the records behind it: llmops sql "{_records(examples, window)}"\n'
        "2. If the producer is wrong, correct its file: a changed object is read again. If the rule is wrong, "
        f"mend the model or the test {result.name}.\n"
        "3. Materialize this partition again, or run llmops sync; the window stays due until every test passes."
    )


def _records(examples: str, window: Window) -> str:
    """The raw records of the first failing row, where it names its call, else what the window was made of."""
    found = _EVENT_ID.search(examples)
    if found:
        return f"select * from {RAW} where event_id = '{found[1]}'"
    span = f"event_time >= '{window.start:%Y-%m-%dT%H:%MZ}' and event_time < '{window.end:%Y-%m-%dT%H:%MZ}'"
    return f"select source, uri, format, outcome, count(*) from {RAW} where {span} group by all"
