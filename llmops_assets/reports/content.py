"""What a day's report says: every query run, and the findings drawn from their values.

Read from the published tables, in one state each. Belongs here: values and their queries. How they look is
`reports.page`.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb

from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.reports.amounts import shown
from llmops_assets.reports.figures import FIGURES
from llmops_assets.reports.findings import Finding, findings
from llmops_assets.reports.listings import TABLES
from llmops_assets.reports.queries import TABLES_READ, FigureQuery, TableQuery, command, of_day
from llmops_assets.windows import DAY, Window, day_of

ASSUMPTIONS = (
    "Both costs are list prices of the same price book at the time of each call, with its service tier and the "
    "prices of its input size. Contracts and discounts are not in them.",
    "The alternative is charged for the very same tokens: input, cache reads and writes, output, reasoning. Another "
    "model splits text into other tokens, writes longer or shorter answers and has a cache of its own.",
    "Compared are calls whose list cost is known, failed ones that were charged included. What the gateway's cache "
    "answered is left out.",
    "An alternative is of the same class (what it takes and makes, and whether it calls tools), holds the biggest "
    "request of the group, is not retired by its provider, and has a price for every meter that was used.",
    "Recommended is the greatest saving of a group whose error rate, rate of cut-off answers, median latency and "
    "latency of 95 of 100 calls are none of them worse than those of the model in use, over all tenants in the seven "
    "days that end with this one. Too few calls count as unknown, and unknown is not recommended.",
    "No signal says whether the answers are as good. Try an alternative on a part of the calls before moving all.",
)


@dataclass(frozen=True)
class Figure:
    """A number and the query that gave it."""

    query: FigureQuery
    sql: str
    value: Any

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return shown(self.value, self.query.unit)


@dataclass(frozen=True)
class Rows:
    """A table and the query that gave it."""

    query: TableQuery
    sql: str
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Report:
    """Everything that a day's page shows."""

    day: date
    is_complete: bool
    figures: dict[str, Figure]
    tables: dict[str, Rows]

    @cached_property
    def findings(self) -> list[Finding]:
        """The most expensive things that can be changed, dearest first."""
        rows = {key: table.rows for key, table in self.tables.items()}
        return findings({key: figure.value for key, figure in self.figures.items()}, rows)

    def as_json(self) -> dict[str, Any]:
        """All values with their queries; amounts are text, so that none loses a digit."""
        return {
            "report_date": self.day.isoformat(),
            "is_complete": self.is_complete,
            "findings": [
                {"title": one.title, "amount_usd": _plain(one.amount_usd), "figure": one.figure}
                for one in self.findings
            ],
            "figures": {
                key: {
                    "label": figure.query.label,
                    "unit": figure.query.unit,
                    "value": _plain(figure.value),
                    "query": figure.sql,
                }
                for key, figure in self.figures.items()
            },
            "tables": {
                key: {
                    "title": table.query.title,
                    "columns": [name for name, _ in table.query.columns],
                    "units": [unit for _, unit in table.query.columns],
                    "rows": [[_plain(value) for value in row] for row in table.rows],
                    "query": table.sql,
                }
                for key, table in self.tables.items()
            },
            "assumptions": list(ASSUMPTIONS),
        }

    @cached_property
    def digest(self) -> str:
        """Changes with any value, query or assumption."""
        text = json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_report(lake: Lake, day: date) -> Report:
    """The report of a UTC day from the published tables."""
    start = day_of(day)
    window = Window(start, start + DAY)
    with connect() as connection:
        lake.mount(connection, dict.fromkeys(TABLES_READ, window), schema="main")
        return report_of(connection, day)


def report_of(connection: duckdb.DuckDBPyConnection, day: date) -> Report:
    """The report of a UTC day from tables `report_*` that `connection` finds by their plain names."""
    figures = {}
    for figure in FIGURES:
        sql = of_day(figure.sql, day)
        row = connection.execute(sql).fetchone()
        figures[figure.key] = Figure(figure, sql, row[0] if row else None)
    tables = {}
    for table in TABLES:
        sql = of_day(table.sql, day)
        tables[table.key] = Rows(table, sql, tuple(connection.execute(sql).fetchall()))
    complete = connection.execute("select is_complete from report_days where report_date = ?", [day]).fetchone()
    return Report(day, bool(complete and complete[0]), figures, tables)


def shown_query(one: Figure | Rows) -> str:
    """The command that gives the same value."""
    return command(one.sql)


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
