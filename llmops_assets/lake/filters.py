"""One condition in two languages: a window and equalities, as an Iceberg expression and as SQL.

Windows are half-open. Nothing is read or written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan
from pyiceberg.schema import Schema
from pyiceberg.types import DateType

from llmops_assets.lake.errors import LakeError
from llmops_assets.windows import Window


@dataclass(frozen=True)
class Condition:
    """The rows of a table whose `column` lies in `window` and whose columns equal `where`."""

    table: str
    column: str | None
    window: Window | None
    where: Mapping[str, str] = field(default_factory=dict)

    def expression(self, schema: Schema) -> BooleanExpression:
        """For Iceberg's planning."""
        parts: list[BooleanExpression] = [EqualTo(name, value) for name, value in self.where.items()]
        if self.window is not None:
            column = self._window_column()
            lower, upper = (_bound(at, schema, column) for at in (self.window.start, self.window.end))
            parts += [GreaterThanOrEqual(column, lower), LessThan(column, upper)]
        whole: BooleanExpression = AlwaysTrue()
        for part in parts:
            whole = And(whole, part)
        return whole

    def sql(self, schema: Schema) -> str:
        """For DuckDB; never NULL."""
        parts = [f'"{name}" = {quoted(value)}' for name, value in self.where.items()]
        if self.window is not None:
            column = self._window_column()
            kind = "date" if _is_date(schema, column) else "timestamptz"
            lower, upper = (_bound(at, schema, column) for at in (self.window.start, self.window.end))
            parts += [f"\"{column}\" >= {kind} '{lower}'", f"\"{column}\" < {kind} '{upper}'"]
        return f"coalesce({' and '.join(parts)}, false)" if parts else "true"

    def _window_column(self) -> str:
        if self.column is None:
            raise LakeError(f"{self.table} has no window column: read or replace it as a whole")
        return self.column


def quoted(text: str) -> str:
    """A SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def _is_date(schema: Schema, column: str) -> bool:
    return isinstance(schema.find_type(column), DateType)


def _bound(at: datetime, schema: Schema, column: str) -> str:
    at = at.astimezone(UTC)
    return at.date().isoformat() if _is_date(schema, column) else at.isoformat()
