"""One suite on one frame: rows of a small relation, judged in the other process, told as findings.

A frame has one row per thing that is looked at: `expectation`, `hour` (NULL: the whole window), `subject`,
`value`, `lower`, `upper` and `note`. A bound that is NULL is not asked for. Belongs here: handing over
frames, and choosing what to show of those rows that failed. What is in a frame is `raw` and `metrics`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from llmops_assets.expectations.catalogue import Expectation
from llmops_assets.expectations.client import judge
from llmops_assets.expectations.finding import Example, Finding
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.windows import Window

EXAMPLES = 3
TEXT_SHOWN = 120


@dataclass(frozen=True)
class Row:
    """A row of a frame."""

    expectation: str
    hour: datetime | None
    subject: str
    value: float | None
    lower: float | None
    upper: float | None
    note: str | None

    @property
    def excess(self) -> float:
        """How far the value lies out of its bounds, by their size; negative inside."""
        if self.value is None:
            return -math.inf
        sides = [] if self.lower is None else [(self.lower - self.value) / (abs(self.lower) or 1)]
        sides += [] if self.upper is None else [(self.value - self.upper) / (abs(self.upper) or 1)]
        return max(sides, default=-math.inf)

    @property
    def place(self) -> str:
        """Hour and subject, for people."""
        hour = f"{self.hour:%Y-%m-%dT%HZ}" if self.hour else ""
        return " ".join(part for part in (hour, self.subject) if part)

    @property
    def bounds(self) -> str:
        """The bounds, for people."""
        if self.lower is None and self.upper is None:
            return self.note or "no bounds"
        low, high = (None if bound is None else f"{bound:.6g}" for bound in (self.lower, self.upper))
        words = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        return words + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Look:
    """Where a failing row can be looked at: rows to show now, and the query for `llmops sql`."""

    query: str
    examples: str | None = None
    """Asked in place of `query`, where the rows are not in the lake yet."""


def examine(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    suite: str,
    expectations: Sequence[Expectation],
    look: Callable[[Row], Look],
    settings: QualitySettings,
    window: Window,
    folder: Path,
) -> list[Finding]:
    """Judge the frame `relation`; one finding per expectation, in their order."""
    frame = connection.sql(f"select row_number() over () - 1 as row, * from ({relation})").to_arrow_table()
    rows = [_row(record) for record in frame.drop_columns(["row"]).to_pylist()]
    asked = sorted({row.expectation for row in rows if row.lower is not None or row.upper is not None})
    names = [one.name for one in expectations if one.name in asked]
    failed: dict[str, list[int]] = {}
    if names:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{suite}.parquet"
        pq.write_table(frame, file)
        failed = judge(suite, file, names, settings.timeout_seconds)
    judged = {name: [rows[number] for number in numbers] for name, numbers in failed.items()}
    return [
        _failed(connection, one, judged[one.name], look, window)
        if judged.get(one.name)
        else _passed(one, [row for row in rows if row.expectation == one.name])
        for one in expectations
    ]


def instant(at: datetime) -> str:
    """An instant as a SQL literal."""
    return f"timestamptz '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S+00}'"


def _row(record: dict[str, Any]) -> Row:
    hour = record.pop("hour")
    return Row(hour=hour.astimezone(UTC) if hour else None, **record)


def _failed(
    connection: duckdb.DuckDBPyConnection,
    expectation: Expectation,
    rows: Sequence[Row],
    look: Callable[[Row], Look],
    window: Window,
) -> Finding:
    worst = sorted(rows, key=lambda row: -row.excess)
    hours = {hour.start for hour in window.hours()}
    if all(row.hour is not None for row in rows):
        hours &= {row.hour for row in rows if row.hour is not None}
    shown = look(worst[0])
    more = f" and {len(worst) - EXAMPLES} more" if len(worst) > EXAMPLES else ""
    return Finding(
        expectation,
        passed=False,
        observed="; ".join(_seen(row) for row in worst[:EXAMPLES]) + more,
        bounds="; ".join(dict.fromkeys(row.bounds for row in worst[:EXAMPLES])),
        hours=tuple(sorted(hours)),
        examples=_examples(connection, shown.examples or shown.query),
        query=shown.query,
    )


def _passed(expectation: Expectation, rows: Sequence[Row]) -> Finding:
    asked = [row for row in rows if row.value is not None and not (row.lower is None and row.upper is None)]
    if not asked:
        notes = list(dict.fromkeys(row.note for row in rows if row.note))
        return Finding(expectation, passed=True, observed="; ".join(notes[:1]) or "nothing to judge", bounds="none")
    nearest = max(asked, key=lambda row: row.excess)
    observed = f"{len(asked)} values, nearest to its bounds: {_seen(nearest)}"
    return Finding(expectation, passed=True, observed=observed, bounds=nearest.bounds)


def _seen(row: Row) -> str:
    return f"{row.place}: {row.value:.6g}" if row.value is not None else f"{row.place}: unknown"


def _examples(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Example, ...]:
    """The first rows of a query, as text."""
    rows = connection.sql(query).limit(EXAMPLES)
    return tuple({name: _text(value) for name, value in zip(rows.columns, row, strict=True)} for row in rows.fetchall())


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}".replace(".000000Z", "Z")
    return str(value)[:TEXT_SHOWN]
