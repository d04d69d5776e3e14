"""Every number of the page as the query that gives it: figures of one value, and listings of rows.

The queries are what `llmops sql` takes; the report runs them and nothing else, so that a reader who repeats
one gets the page's number. Belongs here: what a query is. Which there are is `figures` and `listings`.
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
