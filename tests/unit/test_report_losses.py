"""Caches, paid failures, retries, cut-off answers, users and what is unknown, against figures worked out on paper."""

from datetime import timedelta
from typing import Any

from report_sql import DAY, NOON, figure, made, report, rows, usd

A_SECOND = timedelta(seconds=1)
A_DAY = timedelta(days=1)


def _cost(amount: str | None) -> dict[str, Any]:
    return {"cost_usd": None if amount is None else usd(amount)}


def test_the_gateways_cache_is_judged_by_the_calls_that_tell_of_it() -> None:
    calls = [
        {"cache_hit": True, "saved_cost_usd": usd("0.5"), **_cost("0")},
        {"cache_hit": False, **_cost("0.1")},
        {"cache_hit": False, **_cost("0.2")},
        {"cache_hit": False, **_cost(None)},
        {"cache_hit": None, **_cost("9")},
    ]
    assert figure(calls, "gateway_lookups", "gateway_hits", "gateway_hit_rate") == (4, 1, 0.25)
    assert figure(calls, "gateway_saved_usd", "gateway_misses_cost_usd") == (usd("0.5"), usd("0.3"))


def test_nobody_who_tells_of_a_cache_is_unknown_and_not_none() -> None:
    calls = [{"tokens_input": 10, "tokens_output": 1, "list_cost_usd": usd("0.1")}]
    keys = ("gateway_hit_rate", "gateway_misses_cost_usd", "prompt_cache_read_rate", "prompt_cache_misses_extra_usd")
    assert figure(calls, *keys) == (None,) * 4


def _prompt(model: str, taken: int, cached: int | None, **other: Any) -> dict[str, Any]:
    given = {"tokens_input": taken, "tokens_cache_read": cached, "tokens_output": 0, "list_cost_usd": usd("0.01")}
    return {"model": model, **given, **other}


def test_a_missed_prompt_cache_costs_the_difference_of_the_two_prices() -> None:
    calls = [
        _prompt("big", 1000, 400),
        _prompt("big", 777, None),
        _prompt("small", 500, 0),
        _prompt("big", 200, 0, service_tier="batch"),
        _prompt("big", 100, 0, meter_input_uncached=0, meter_cache_write_5m=100),
        _prompt("big", 999, 0, cache_hit=True),
    ]
    requests, rate, missed, extra = figure(
        calls,
        *("prompt_cache_requests", "prompt_cache_read_rate", "prompt_cache_missed_tokens"),
        "prompt_cache_misses_extra_usd",
    )
    # The second tells nothing, the last never reached the provider. 400 of 1,000 + 500 + 200 + 100 were read.
    assert (requests, rate) == (4, 400 / 1800)
    # 600 and 500 and 200 missed; what was written to the cache did not miss it.
    assert missed == 1300
    # 600 x (0.000010 - 0.000001); a read of small costs as much as its input; a batch 200 x (0.000005 - 0.0000005).
    assert extra == usd("0.0063")


def test_failed_calls_that_were_paid_for() -> None:
    failed = {"success": False, "status": "error"}
    calls = [
        {**failed, **_cost("0.2")},
        {**failed, **_cost("0.05")},
        {**failed, **_cost("0")},
        {**failed, **_cost(None)},
        {"success": None, **_cost("0.7")},
        _cost("0.5"),
    ]
    keys = ("failed_requests", "paid_failures", "paid_failures_cost_usd", "failures_without_cost")
    assert figure(calls, *keys) == (4, 2, usd("0.25"), 1)


def test_what_the_attempts_cost_that_were_tried_again() -> None:
    calls = [
        {"request_id": "r1", **_cost("0.1")},
        {"request_id": "r1", "event_time": NOON + A_SECOND, **_cost("0.3")},
        {"request_id": "r1", "tenant_id": "b", **_cost("0.9")},
        {"request_id": "r2", **_cost("0.4")},
        {"request_id": "r3", **_cost(None)},
        {"request_id": "r3", "event_time": NOON + A_SECOND, **_cost("0.05")},
        {"request_id": "r3", "event_time": NOON + 2 * A_SECOND, **_cost("0.6")},
        _cost("7"),
        _cost("7"),
    ]
    # r1 of a is two attempts, r1 of b another request, r3 three attempts: 7 attempts of 4 requests.
    keys = ("logical_requests", "retries", "attempts_per_request", "requests_without_id")
    assert figure(calls, *keys) == (4, 3, 7 / 4, 2)
    assert figure(calls, "retried_cost_usd", "retried_without_cost") == (usd("0.15"), 1)


def test_without_retries_they_cost_nothing_and_without_ids_nothing_is_known() -> None:
    assert figure([{"request_id": "r1", **_cost("0.1")}], "retries", "retried_cost_usd") == (0, usd("0"))
    assert figure([_cost("0.1")], "retries", "retried_cost_usd", "attempts_per_request") == (0, None, None)


def test_attempts_of_another_day_are_other_requests() -> None:
    midnight = NOON - timedelta(hours=12)
    calls = [
        {"request_id": "r1", "event_time": midnight - A_SECOND, **_cost("0.1")},
        {"request_id": "r1", "event_time": midnight, **_cost("0.3")},
    ]
    assert figure(calls, "logical_requests", "retries", "retried_cost_usd") == (1, 0, usd("0"))


def test_answers_that_were_cut_off_at_their_length() -> None:
    calls = [
        {"finish_reason": "length", **_cost("0.4")},
        {"finish_reason": "length", **_cost(None)},
        {"finish_reason": "stop", **_cost("1")},
        {"finish_reason": None, **_cost("1")},
        {"finish_reason": "length", "success": False, **_cost("2")},
    ]
    keys = ("truncated_requests", "truncation_rate", "truncated_cost_usd", "truncated_without_cost")
    assert figure(calls, *keys) == (2, 2 / 3, usd("0.4"), 1)


def test_the_most_expensive_users_come_first_and_ties_by_name() -> None:
    before = {"event_time": NOON - A_DAY}
    calls = [
        {"user_id": "u2", **_cost("0.5")},
        {"user_id": "u1", **_cost("0.3")},
        {"user_id": "u1", **_cost("0.2")},
        {"user_id": "u3", **_cost(None)},
        {"user_id": None, **_cost("0.9")},
        {"user_id": "u1", **before, **_cost("0.1")},
        {"user_id": "u1", "tenant_id": "b", **before, **_cost("8")},
        {"user_id": "u3", **before, **_cost(None)},
    ]
    with made(calls) as connection:
        found = rows(
            connection,
            "select cost_rank, user_id, requests, cost_usd, day_before_cost_usd from report_users order by cost_rank",
        )
    assert found == [
        (1, "u1", 2, usd("0.5"), usd("0.1")),
        (2, "u2", 1, usd("0.5"), usd("0")),
        (3, "u3", 1, None, None),
    ]
    assert figure(calls, "requests_without_user", "cost_without_user_usd") == (1, usd("0.9"))


def test_only_a_hundred_users_are_kept() -> None:
    calls = [{"user_id": f"u{number:03}", **_cost(f"{number}")} for number in range(1, 102)]
    with made(calls) as connection:
        found = rows(connection, "select user_id from report_users order by cost_rank")
    assert [user for (user,) in found] == [f"u{number:03}" for number in range(101, 1, -1)]


def test_calls_of_unknown_cost_are_told_apart() -> None:
    calls = [
        {"flags": ["unpriced"], "tokens_total": 30, **_cost(None)},
        {"flags": ["unpriced"], "tokens_total": 12, **_cost(None)},
        {"flags": ["usage_missing"], **_cost(None)},
        {"flags": ["usage_missing"], "tokens_total": 5, **_cost("0.1")},
    ]
    keys = ("unpriced_requests", "price_missing_requests", "usage_missing_requests")
    assert figure(calls, *keys) == (3, 2, 1)
    assert figure(calls, "unpriced_tokens", "unpriced_without_tokens", "spend_usd") == (42, 1, usd("0.1"))


def test_calls_without_a_tenant_are_counted_with_their_tokens_and_cost() -> None:
    calls = [
        {"tenant_id": None, "tokens_total": 10, **_cost("0.1")},
        {"tenant_id": None, "tokens_total": None, **_cost(None)},
        {"tenant_id": "unattributed", "tokens_total": 7, **_cost("3")},
    ]
    keys = ("unattributed_requests", "unattributed_tokens", "unattributed_cost_usd")
    # The last one names a tenant of that name.
    assert figure(calls, *keys) == (2, 10, usd("0.1"))


def test_the_dearest_finding_comes_first() -> None:
    calls = [
        {"finish_reason": "length", **_cost("0.4")},
        {"success": False, "model": "small", **_cost("0.5")},
        {"request_id": "r", **_cost("0.3")},
        {"request_id": "r", "event_time": NOON + A_SECOND, **_cost("0")},
    ]
    assert [one.title for one in report(calls).findings] == [
        "1 failed calls were paid for: $0.50, most of it to p small ($0.50)",
        "1 answers were cut off at their length and paid for: $0.40, most of it for chat on p big ($0.40)",
        "Attempts that had to be tried again cost $0.30, in 1 retries",
    ]
    assert report([], complete=[DAY]).findings == []
