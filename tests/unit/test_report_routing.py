"""What other models would have cost, and which of them may be recommended, against figures worked out on paper."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from report_sql import DAY, NOON, Call, figure, made, model_class, rows, usd

MICROSECOND = timedelta(microseconds=1)
A_DAY = timedelta(days=1)

# 600 uncached and 400 cached tokens in, 100 out: 0.0060 + 0.0004 + 0.0030. Then 2,000 in, just before noon: 0.0200.
FIRST = {"tokens_input": 1000, "tokens_cache_read": 400, "tokens_output": 100, "list_cost_usd": usd("0.0094")}
SECOND = {
    "tokens_input": 2000,
    "tokens_output": 0,
    "list_cost_usd": usd("0.02"),
    "event_time": NOON - MICROSECOND,
}


def _alternatives(calls: Sequence[Call], **given_: Any) -> Mapping[str, tuple[Any, ...]]:
    """What the alternatives of the only group cost and save."""
    with made(calls, **given_) as connection:
        found = rows(
            connection, "select alternative_model, alternative_cost_usd, saving_usd, list_cost_usd from report_routing"
        )
    return {row[0]: row[1:] for row in found}


def test_the_same_meters_are_charged_at_the_other_models_prices() -> None:
    # small: (600 + 400) x 0.000001 + 100 x 0.000003 = 0.0013, and 2,000 x 0.000001 = 0.0020.
    # stepped: 0.0013 for the first, whose 1,000 tokens are below its step; the second costs 2,000 x 0.000004.
    # nightly: from noon on 1,100 x 0.000008 = 0.0088; a microsecond before it 2,000 x 0.000002 = 0.0040.
    assert _alternatives([FIRST, SECOND]) == {
        "small": (usd("0.0033"), usd("0.0261"), usd("0.0294")),
        "stepped": (usd("0.0093"), usd("0.0201"), usd("0.0294")),
        "nightly": (usd("0.0128"), usd("0.0166"), usd("0.0294")),
    }


def test_a_service_tier_that_the_alternative_lacks_has_its_standard_price() -> None:
    # A batch of big costs half: 0.0047. small has no price for a batch: 0.0013 as ever.
    batch = FIRST | {"service_tier": "batch", "list_cost_usd": usd("0.0047")}
    assert _alternatives([batch])["small"] == (usd("0.0013"), usd("0.0034"), usd("0.0047"))
    # 1,000 uncached tokens of small, in batch: a batch of big has 0.000005 for each and is no saving.
    cheap = {"model": "small", "tokens_input": 1000, "tokens_output": 0, "list_cost_usd": usd("0.001")}
    assert _alternatives([cheap | {"service_tier": "batch"}]) == {}


def test_a_meter_that_was_used_and_has_no_price_makes_a_model_no_alternative() -> None:
    assert _alternatives([FIRST, FIRST | {"meter_web_search": 1}]) == {}


def test_the_biggest_request_must_fit() -> None:
    # The second call's 2,000 tokens in and none out are the biggest.
    for window, fits in ((1999, False), (2000, True)):
        classes = (model_class("big"), model_class("small", context_window=window))
        assert ("small" in _alternatives([FIRST, SECOND], classes=classes)) == fits


def test_only_models_of_the_same_class_that_are_not_retired_are_alternatives() -> None:
    for facts, offered in (
        ({"class": "other"}, False),
        ({"retires_on": str(DAY)}, False),
        ({"retires_on": str(DAY + A_DAY)}, True),
    ):
        classes = (model_class("big"), model_class("small", **facts))
        assert ("small" in _alternatives([FIRST], classes=classes)) == offered


def test_a_model_that_takes_no_audio_is_no_alternative_for_calls_that_sent_some() -> None:
    heard = FIRST | {"meter_input_uncached": 500, "meter_audio_input": 100}
    deaf, hearing = model_class("small"), model_class("small", takes="text audio")
    assert _alternatives([heard], classes=(model_class("big"), deaf)) == {}
    assert _alternatives([heard], classes=(model_class("big"), hearing)).keys() == {"small"}


def test_calls_of_unknown_list_cost_and_cache_hits_are_not_compared() -> None:
    unknown = FIRST | {"list_cost_usd": None, "cost_usd": usd("5")}
    hit = FIRST | {"cache_hit": True, "list_cost_usd": usd("0")}
    assert _alternatives([FIRST, unknown, hit])["small"] == (usd("0.0013"), usd("0.0081"), usd("0.0094"))


def _signals(model: str, **other: Any) -> dict[str, Any]:
    return {"model": model, "tokens_input": 0, "tokens_output": 0, "list_cost_usd": usd("0"), **other}


def _judged(calls: Sequence[Call], **given_: Any) -> tuple[str, bool, list[str] | None]:
    classes = (model_class("big"), model_class("small"))
    with made([FIRST, *calls], classes=classes, **given_) as connection:
        (found,) = rows(
            connection,
            "select verdict, is_recommended, worse_signals from report_routing where price_model = 'big'",
        )
    return found  # type: ignore[return-value]


def test_an_alternative_as_good_as_the_model_in_use_is_recommended() -> None:
    assert _judged([_signals("small")]) == ("not worse", True, [])


@pytest.mark.parametrize(
    ("calls", "worse"),
    [
        ([_signals("small", success=False), _signals("small")], ["error_rate"]),
        ([_signals("small", finish_reason="length"), _signals("small")], ["truncation_rate"]),
        ([_signals("small", latency_ms=100.1)], ["latency_p50_ms", "latency_p95_ms"]),
        ([_signals("small", latency_ms=one) for one in (1, 1, 1, 200)], ["latency_p95_ms"]),
    ],
)  # fmt: skip
def test_no_alternative_that_is_worse_in_one_signal_is_recommended(
    calls: list[dict[str, Any]], worse: list[str]
) -> None:
    assert _judged(calls) == ("worse", False, worse)


def test_without_calls_of_its_own_an_alternative_is_unknown() -> None:
    assert _judged([]) == ("unknown", False, None)


def test_too_few_calls_are_unknown() -> None:
    # big has the first call and three of these, small has four: enough for 4, not for 5.
    calls = [_signals("big")] * 3 + [_signals("small")] * 4
    assert _judged(calls, min_requests=4)[0] == "not worse"
    assert _judged(calls, min_requests=5)[0] == "unknown"
    # A fifth call of small that does not say why it ended leaves four that do.
    told = [*calls, _signals("big"), _signals("small", finish_reason=None)]
    assert _judged(told, min_requests=5)[0] == "unknown"


def test_signals_are_those_of_seven_days_that_end_with_the_reports() -> None:
    first = datetime.fromisoformat(f"{DAY - 6 * A_DAY}T00:00:00+00:00")
    assert _judged([_signals("small", event_time=first)])[0] == "not worse"
    assert _judged([_signals("small", event_time=first - MICROSECOND)])[0] == "unknown"


def test_what_a_gateway_answered_says_nothing_about_a_model() -> None:
    assert _judged([_signals("small"), _signals("small", cache_hit=True, latency_ms=9000)])[0] == "not worse"


def test_one_alternative_of_a_group_is_recommended_and_counted() -> None:
    calls = [FIRST, SECOND, *(_signals(model) for model in ("small", "stepped", "nightly"))]
    # stepped and nightly are cheaper too; only small's saving counts.
    assert figure(calls, "routing_recommendations", "routing_saving_usd") == (1, usd("0.0261"))
