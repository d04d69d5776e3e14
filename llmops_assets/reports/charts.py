"""Two charts as SVG: bars beside names, and the steps from one amount to another.

Drawn 360 units wide, so that their text is legible on a phone; colours are the page's classes. Belongs here:
geometry only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmops_assets.reports.markup import Child, Markup, element

WIDTH = 360
_ROW = 34
_BAR = 8
_LABEL_CHARACTERS = 44
_STEP = 30
_NAME_WIDTH = 92
_VALUE_WIDTH = 74


@dataclass(frozen=True)
class Bar:
    """A name, its amount, and the amount as text; `before` is drawn as a mark."""

    name: str
    amount: Decimal
    shown: str
    before: Decimal | None = None


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """One bar per row, from the greatest amount's full width down."""
    most = max([Decimal(0), *(amount for row in rows for amount in (row.amount, row.before or Decimal(0)))])
    height = _ROW * len(rows) + 4
    drawn = [_bar(row, number * _ROW, most) for number, row in enumerate(rows)]
    return _svg(title, height, *drawn)


def _bar(row: Bar, top: int, most: Decimal) -> Markup:
    length = _scaled(row.amount, most, WIDTH)
    parts: list[Child] = [
        element("text", _short(row.name), x=0, y=top + 13, class_="name"),
        element("text", row.shown, x=WIDTH, y=top + 13, class_="value", text_anchor="end"),
        element("rect", x=0, y=top + 20, width=WIDTH, height=_BAR, rx=4, class_="track"),
        element("rect", x=0, y=top + 20, width=max(length, 1), height=_BAR, rx=4, class_="bar"),
    ]
    if row.before is not None and most > 0:
        at = min(_scaled(row.before, most, WIDTH), WIDTH - 2)
        parts.append(element("rect", x=at, y=top + 18, width=2, height=_BAR + 4, class_="mark"))
    return element("g", *parts)


@dataclass(frozen=True)
class Step:
    """A level from zero, or a change of the level before it."""

    name: str
    amount: Decimal
    shown: str
    is_level: bool = False


def steps(title: str, rows: Sequence[Step]) -> Markup:
    """From the first level by changes to the last one, each change beginning where the one before ended."""
    spans: list[tuple[Decimal, Decimal]] = []
    at = Decimal(0)
    for row in rows:
        start = Decimal(0) if row.is_level else at
        at = start + row.amount
        spans.append((min(start, at), max(start, at)))
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    room = WIDTH - _NAME_WIDTH - _VALUE_WIDTH
    drawn = []
    for number, (row, (left, right)) in enumerate(zip(rows, spans, strict=True)):
        x = _NAME_WIDTH + _scaled(left - low, high - low, room)
        width = max(_scaled(right - left, high - low, room), 1)
        drawn.append(_step(row, number * _STEP, x, width))
    return _svg(title, _STEP * len(rows) + 4, *drawn)


def _step(row: Step, top: int, x: float, width: float) -> Markup:
    kind = "bar" if row.is_level else "worse" if row.amount > 0 else "better"
    return element(
        "g",
        element("text", row.name, x=0, y=top + 18, class_="name"),
        element("rect", x=x, y=top + 6, width=width, height=16, rx=3, class_=kind),
        element("text", row.shown, x=WIDTH, y=top + 18, class_="value", text_anchor="end"),
    )


def _svg(title: str, height: int, *children: Child) -> Markup:
    return element(
        "svg",
        element("title", title),
        *children,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        class_="chart",
        aria_label=title,
    )


def _scaled(amount: Decimal, most: Decimal, width: int) -> float:
    return round(float(amount / most) * width, 2) if most > 0 else 0.0


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_CHARACTERS else name[: _LABEL_CHARACTERS - 1] + "…"
