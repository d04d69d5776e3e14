"""What holds of any calls: effects add up, meters cost what calls cost, and nothing worse is recommended."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_sql import ALL_COMPLETE, CLASSES, DAY, NOON, Call, figure, made, rows, usd

pytestmark = pytest.mark.integration

MICROSECOND = timedelta(microseconds=1)
A_DAY = timedelta(days=1)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _call(model: str, tokens: int | None, cost: str | None, at: datetime = NOON, **other: Any) -> dict[str, Any]:
    known = None if cost is None else usd(cost)
    return {"model": model, "tokens_total": tokens, "cost_usd": known, "event_time": at, **other}


CALLS = st.builds(
    _call,
    st.sampled_from(("big", "small", "lost")),
    st.none() | st.integers(0, 10**7),
    st.none() | st.decimals(0, 1000, places=12).map(str),
    st.sampled_from((NOON, NOON - A_DAY, NOON - 7 * A_DAY)),
    tenant_id=st.sampled_from(("a", "b", None)),
    feature=st.sampled_from(("chat", None)),
)


@QUICK
@given(st.lists(CALLS, max_size=25), st.sets(st.sampled_from(ALL_COMPLETE)))
def test_effects_add_up_to_the_change_and_names_add_up_to_all(calls: list[Call], complete: set[date]) -> None:
    with made(calls, complete=complete) as connection:
        broken = rows(
            connection,
            "select * from report_spend where change_usd is distinct from "
            "volume_effect_usd + rate_effect_usd + mix_effect_usd "
            "or change_usd is distinct from cost_usd - cost_before_usd",
        )
        sums = rows(
            connection,
            "select count(distinct (calls, tokens, cost)) from ("
            "select compared_with, dimension, sum(requests) as calls, sum(tokens_total) as tokens, "
            "coalesce(sum(cost_usd), 0) as cost from report_spend group by all) group by compared_with",
        )
    assert broken == []
    assert all(one == (1,) for one in sums)


@QUICK
@given(
    st.decimals(0, 10_000, places=12), st.integers(0, 10**12), st.integers(1, 10**12), st.decimals(0, 10_000, places=12)
)
def test_volume_is_the_old_cost_of_the_new_tokens(before: Decimal, tokens: int, old: int, after: Decimal) -> None:
    calls = [_call("big", old, str(before), NOON - A_DAY), _call("big", tokens, str(after))]
    exact = Fraction(before) * tokens / old * 10**12
    picodollars = round(exact)  # half to even, as Python rounds fractions
    assert figure(calls, "volume_effect_day_before") == Decimal(picodollars).scaleb(-12) - before


USED = st.builds(
    dict,
    model=st.sampled_from(("big", "small", "stepped", "nightly")),
    feature=st.sampled_from(("chat", "search")),
    tokens_input=st.integers(0, 3000),
    tokens_output=st.integers(0, 500),
    list_cost_usd=st.decimals(0, 1, places=6),
    event_time=st.sampled_from((NOON, NOON - MICROSECOND, NOON - A_DAY, NOON - 6 * A_DAY)),
    success=st.sampled_from((True, True, False, None)),
    finish_reason=st.sampled_from(("stop", "stop", "length", None)),
    latency_ms=st.none() | st.floats(0, 10_000),
)


@QUICK
@given(st.lists(USED, max_size=40), st.integers(1, 4))
def test_nothing_worse_or_unknown_is_ever_recommended(calls: list[Call], min_requests: int) -> None:
    with made(calls, min_requests=min_requests) as connection:
        recommended = rows(connection, "select * from report_routing where is_recommended")
        wrong = rows(
            connection,
            """
            select routing.*
            from report_routing as routing
            left join report_model_signals as used
                on routing.provider = used.provider and routing.price_model = used.model
            left join report_model_signals as other
                on routing.alternative_provider = other.provider and routing.alternative_model = other.model
            where is_recommended and not coalesce(
                used.is_sufficient and other.is_sufficient and saving_usd > 0
                and other.error_rate <= used.error_rate and other.truncation_rate <= used.truncation_rate
                and other.latency_p50_ms <= used.latency_p50_ms and other.latency_p95_ms <= used.latency_p95_ms, false
            )
            """,
        )
        groups = rows(connection, "select distinct tenant_id, feature, model from report_routing where is_recommended")
    assert wrong == []
    assert len(groups) == len(recommended)


def _price(model: str, call: Call) -> Decimal:
    """What a call costs on a model, from the book's own lines, call by call."""
    taken, written = call["tokens_input"], call["tokens_output"]
    if model == "big":
        return taken * Decimal("0.00001") + written * Decimal("0.00003")
    if model == "nightly":
        return (taken + written) * Decimal("0.000008" if call["event_time"].hour >= 12 else "0.000002")
    if model == "stepped" and taken > 1000:
        return taken * Decimal("0.000004") + written * Decimal("0.000006")
    return taken * Decimal("0.000001") + written * Decimal("0.000003")


@QUICK
@given(st.lists(USED, min_size=1, max_size=30))
def test_summed_meters_cost_what_the_calls_cost_one_by_one(calls: list[Call]) -> None:
    with made(calls) as connection:
        found = rows(
            connection,
            "select feature, model, alternative_model, list_cost_usd, alternative_cost_usd from report_routing",
        )
    today = [call for call in calls if call["event_time"].date() == DAY]
    expected = []
    for feature, model in sorted({(call["feature"], call["model"]) for call in today}):
        group = [call for call in today if (call["feature"], call["model"]) == (feature, model)]
        listed = sum(call["list_cost_usd"] for call in group)
        for other in sorted(one.model for one in CLASSES if one.model != model):
            cost = sum(_price(other, call) for call in group)
            expected += [(feature, model, other, listed, cost)] if cost < listed else []
    assert sorted(found) == expected
