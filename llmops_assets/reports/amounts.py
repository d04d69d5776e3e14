"""Numbers as people read them: money, counts, shares. Unknown is shown as unknown.

Exact values stay in the tables and in the JSON; nothing here is computed with again.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

Unit = Literal["usd", "change", "count", "share", "ratio", "ms", "text"]

UNKNOWN = "unknown"
MINUS = "−"
_CENT = Decimal("0.01")
_TEN_CENTS = Decimal("0.1")


def usd(amount: Decimal | None) -> str:
    """To the cent from ten cents on, else with two significant digits.

    >>> usd(Decimal("1234.565")), usd(Decimal("0.0012345")), usd(Decimal(0)), usd(None)
    ('$1,234.56', '$0.0012', '$0.00', 'unknown')
    """
    if amount is None:
        return UNKNOWN
    sign = MINUS if amount < 0 else ""
    return f"{sign}${_rounded(abs(amount)):,f}"


def change(amount: Decimal | None) -> str:
    """Money with its sign.

    >>> change(Decimal("12.3")), change(Decimal("-0.5")), change(Decimal(0))
    ('+$12.30', '−$0.50', '$0.00')
    """
    return usd(amount) if amount is None or amount <= 0 else f"+{usd(amount)}"


def count(number: int | None) -> str:
    """With thousands apart."""
    return UNKNOWN if number is None else f"{number:,}".replace("-", MINUS)


def share(part: float | None) -> str:
    """A rate in per cent with one digit.

    >>> share(0.0256), share(None)
    ('2.6 %', 'unknown')
    """
    return UNKNOWN if part is None else f"{100 * part:.1f} %"


def ratio(number: float | None) -> str:
    """With three digits behind the point."""
    return UNKNOWN if number is None else f"{number:.3f}"


def milliseconds(number: float | None) -> str:
    """Whole milliseconds, or seconds from ten seconds on."""
    if number is None:
        return UNKNOWN
    return f"{number:,.0f} ms" if number < 10_000 else f"{number / 1000:,.1f} s"


def _rounded(amount: Decimal) -> Decimal:
    if amount == 0 or amount >= _TEN_CENTS:
        return amount.quantize(_CENT, ROUND_HALF_EVEN)
    rounded = amount.quantize(Decimal(1).scaleb(max(amount.adjusted() - 1, -12)), ROUND_HALF_EVEN)
    return rounded.quantize(_CENT) if rounded >= _TEN_CENTS else rounded


_SHOWN: dict[Unit, Callable[[Any], str]] = {
    "usd": usd,
    "change": change,
    "count": count,
    "share": share,
    "ratio": ratio,
    "ms": milliseconds,
    "text": lambda text: UNKNOWN if text is None else str(text),
}


def shown(value: Any, unit: Unit) -> str:
    """A value of that unit as people read it."""
    return _SHOWN[unit](value)
