"""The spans of time in which a model's prices are constant.

A span is a range of dates and, for models with off-peak prices, a range of the day, both half-open, in
UTC. Belongs here: finding the spans. The prices in them are `prices.rates`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any

from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TimeOfDateConstraint

_ANY_DATE = date(1970, 1, 1)


@dataclass(frozen=True)
class Period:
    """Dates and times of day; None is unbounded."""

    valid_from: date | None
    valid_to: date | None
    daily_from: time | None
    daily_to: time | None

    @property
    def instant(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.valid_from or _ANY_DATE, self.daily_from or time(), UTC)

    def meets(self, later: "Period") -> bool:
        """Whether `later` begins on the date on which this ends, at the same times of day."""
        return self.valid_to == later.valid_from and self.daily_from == later.daily_from

    def until(self, later: "Period") -> "Period":
        """Both as one."""
        return replace(self, valid_to=later.valid_to)

    def as_text(self) -> dict[str, str]:
        """Its columns in a book."""
        return {
            "valid_from": f"{self.valid_from}T00:00:00Z" if self.valid_from else "",
            "valid_to": f"{self.valid_to}T00:00:00Z" if self.valid_to else "",
            "daily_from": f"{self.daily_from:%H:%M:%S}" if self.daily_from else "",
            "daily_to": f"{self.daily_to:%H:%M:%S}" if self.daily_to else "",
        }


def periods(model: ModelInfo) -> list[Period]:
    """All spans of a model, ordered by time of day, then date; together they are all of time."""
    conditions = _constraints(model)
    dates = sorted({one.start_date for one in conditions if isinstance(one, StartDateConstraint)})
    edges = {edge for one in conditions if isinstance(one, TimeOfDateConstraint) for edge in _utc_edges(one)}
    times = sorted(edges - {time()})
    return [
        Period(valid_from, valid_to, daily_from, daily_to)
        for daily_from, daily_to in pairwise([None, *times, None])
        for valid_from, valid_to in pairwise([None, *dates, None])
    ]


def _constraints(model: ModelInfo) -> list[Any]:
    prices = [] if isinstance(model.prices, ModelPrice) else model.prices
    return [one.constraint for one in (*prices, *(model.price_variants or ())) if one.constraint is not None]


def _utc_edges(constraint: TimeOfDateConstraint) -> list[time]:
    """Where it begins and ends in a day of UTC; a time without an offset is UTC."""
    edges = (constraint.start_time, constraint.end_time)
    aware = (edge if edge.tzinfo else edge.replace(tzinfo=UTC) for edge in edges)
    return [datetime.combine(_ANY_DATE, edge).astimezone(UTC).time() for edge in aware]
