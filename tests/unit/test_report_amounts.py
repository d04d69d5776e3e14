"""How numbers are shown."""

from decimal import Decimal

import pytest

from llmops_assets.reports.amounts import change, count, milliseconds, ratio, share, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234567.895", "$1,234,567.90"),
        ("0.1", "$0.10"),
        ("0.0999", "$0.10"),
        ("0.0576", "$0.058"),
        ("0.000000123", "$0.00000012"),
        ("0.000000000001", "$0.000000000001"),
        ("0", "$0.00"),
        ("-2.345", "−$2.34"),
    ],
)
def test_money_is_shown_to_the_cent_and_small_amounts_with_two_digits(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_a_change_has_its_sign() -> None:
    assert [change(Decimal(one)) for one in ("1", "-1", "0")] == ["+$1.00", "−$1.00", "$0.00"]


def test_unknown_is_shown_as_unknown() -> None:
    assert {one(None) for one in (usd, change, count, share, ratio, milliseconds)} == {"unknown"}


def test_other_numbers() -> None:
    assert (count(1234567), share(0.0256), ratio(1.75)) == ("1,234,567", "2.6 %", "1.750")
    assert (milliseconds(950.4), milliseconds(12_345)) == ("950 ms", "12.3 s")
