"""Spend of a day and why it changed, against figures worked out on paper, and exactly for any calls."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from report_sql import DAY, NOON, figure, made, report, rows, usd

A_DAY = timedelta(days=1)
EFFECTS = ("volume_effect", "rate_effect", "mix_effect")


def _call(model: str, tokens: int | None, cost: str | None, at: datetime = NOON, **other: Any) -> dict[str, Any]:
    known = None if cost is None else usd(cost)
    return {"model": model, "tokens_total": tokens, "cost_usd": known, "event_time": at, **other}


# The day before: 1,000 tokens of big for 0.020, 1,000 of small for 0.002. Today: 500 for 0.015 and 3,000 for 0.006.
TWO_DAYS = [
    _call("big", 1000, "0.020", NOON - A_DAY),
    _call("small", 1000, "0.002", NOON - A_DAY),
    _call("big", 500, "0.015"),
    _call("small", 3000, "0.006"),
]


def _spend(calls: list[dict[str, Any]], dimension: str, columns: str, other: str = "day before") -> list[Any]:
    with made(calls) as connection:
        return rows(
            connection,
            f"select name, {columns} from report_spend where dimension = '{dimension}' and compared_with = '{other}' "
            "order by name",
        )


def test_the_change_is_split_into_volume_rate_and_mix() -> None:
    spend, changed, *effects = figure(
        TWO_DAYS, "spend_usd", "change_day_before", *(f"{effect}_day_before" for effect in EFFECTS)
    )
    assert (spend, changed) == (usd("0.021"), usd("-0.001"))
    # Volume: 3,500 tokens instead of 2,000 at 0.022 / 2,000 a token: 0.0385 - 0.022.
    # Rate: big's 500 tokens cost 0.015 and not 0.010; small's 3,000 cost 0.006 as they would have.
    # Mix, the rest: 0.001 less, less 0.0165, less 0.005.
    assert effects == [usd("0.0165"), usd("0.005"), usd("-0.0225")]


def test_a_single_model_has_no_mix() -> None:
    found = _spend(TWO_DAYS, "model", "cost_usd, change_usd, volume_effect_usd, rate_effect_usd, mix_effect_usd")
    # big: half the tokens would have cost 0.010, they cost 0.015. small: three times the tokens at the old price.
    assert found == [
        ("big", usd("0.015"), usd("-0.005"), usd("-0.010"), usd("0.005"), usd("0")),
        ("small", usd("0.006"), usd("0.004"), usd("0.004"), usd("0"), usd("0")),
    ]


def test_what_was_not_used_before_is_volume() -> None:
    changed, *effects = figure(TWO_DAYS, "change_week_before", *(f"{effect}_week_before" for effect in EFFECTS))
    assert (changed, effects) == (usd("0.021"), [usd("0.021"), usd("0"), usd("0")])


def test_what_is_not_used_any_more_is_a_real_zero() -> None:
    found = _spend(TWO_DAYS[:3], "model", "cost_usd, change_usd, volume_effect_usd, requests")
    assert found[1] == ("small", usd("0"), usd("-0.002"), usd("-0.002"), 0)


def test_the_day_a_week_before_is_the_same_weekday() -> None:
    calls = [_call("big", 10, "0.5"), *(_call("big", 10, f"{10 + days}", NOON - days * A_DAY) for days in (6, 7))]
    assert figure(calls, "cost_week_before", "change_week_before") == (usd("17"), usd("-16.5"))


def test_days_are_half_open() -> None:
    midnight = datetime.fromisoformat(f"{DAY}T00:00:00+00:00")
    microsecond = timedelta(microseconds=1)
    calls = [
        _call("big", 1, "1", midnight - microsecond),
        _call("big", 1, "10", midnight),
        _call("big", 1, "100", midnight + A_DAY - microsecond),
        _call("big", 1, "1000", midnight + A_DAY),
    ]
    assert figure(calls, "spend_usd", "cost_day_before") == (usd("110"), usd("1"))


def test_nothing_is_compared_with_a_day_that_is_not_complete() -> None:
    keys = ("cost_day_before", "change_day_before", *(f"{effect}_day_before" for effect in EFFECTS))
    only_week = (DAY, DAY - 7 * A_DAY)
    assert figure(TWO_DAYS, *keys, complete=only_week) == (None,) * 5
    assert figure(TWO_DAYS, "change_week_before", complete=only_week) == usd("0.021")
    assert not report(TWO_DAYS, complete=(DAY - A_DAY,)).is_complete


def test_calls_of_unknown_cost_are_counted_and_never_zero() -> None:
    calls = [_call("big", 10, "0.5"), _call("lost", 10, None), _call("big", None, None)]
    assert _spend(calls, "model", "cost_usd, change_usd, requests, unpriced_requests") == [
        ("big", usd("0.5"), usd("0.5"), 2, 1),
        ("lost", None, None, 1, 1),
    ]


def test_cost_without_known_tokens_is_mix() -> None:
    calls = [_call("big", None, "0.5"), _call("big", 10, "0.2"), _call("big", 10, "0.1", NOON - A_DAY)]
    effects = figure(calls, *(f"{effect}_day_before" for effect in EFFECTS))
    # The 10 tokens cost 0.1 more; the call that states none adds 0.5.
    assert effects == (usd("0"), usd("0.1"), usd("0.5"))


@pytest.mark.parametrize(("before", "volume"), [("1e-12", "-1e-12"), ("3e-12", "-1e-12"), ("5e-12", "-3e-12")])
def test_an_effect_is_rounded_half_to_even(before: str, volume: str) -> None:
    calls = [_call("big", 2, before, NOON - A_DAY), _call("big", 1, "0")]
    # Half of 1, 3 and 5 units is 0.5, 1.5 and 2.5, that is 0, 2 and 2.
    assert figure(calls, "volume_effect_day_before") == Decimal(volume)


def test_a_day_without_calls_cost_nothing() -> None:
    calls = [_call("big", 10, "0.5", NOON - A_DAY)]
    assert figure(calls, "spend_usd", "requests", "change_day_before") == (usd("0"), 0, usd("-0.5"))
    assert figure([], "spend_usd", "requests", "routing_saving_usd") == (usd("0"), 0, usd("0"))
