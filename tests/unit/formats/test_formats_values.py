"""Times, counts, money and identifiers, as any producer may write them."""

from datetime import UTC, datetime
from decimal import Decimal

from decoding import Decoder, flat, some

NOON = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
NOON_S = 1795178096
NAIVE = "naive_timestamp_assumed_utc"


def test_numbers_are_seconds_milliseconds_microseconds_or_nanoseconds_by_magnitude(decoder: Decoder) -> None:
    given = [NOON_S, NOON_S * 10**3, NOON_S * 10**6, NOON_S * 10**9, str(NOON_S), f"{NOON_S}000000000", f"{NOON_S}.0"]
    rows = decoder.rows(*(flat(timestamp=value) for value in given))
    assert [row["event_time"] for row in rows] == [NOON] * len(given)
    assert all(row["flags"] == [] for row in rows)


def test_fractions_of_numbers_are_cut_to_microseconds(decoder: Decoder) -> None:
    given = [f"{NOON_S}.1234569", NOON_S + 0.25, NOON_S * 1000 + 0.999, NOON_S * 10**9 + 1999]
    rows = decoder.rows(*(flat(timestamp=value) for value in given))
    assert [row["event_time"].microsecond for row in rows] == [123456, 250000, 999, 1]


def test_iso_text_has_any_separator_offset_and_number_of_digits(decoder: Decoder) -> None:
    given = [
        "2026-11-20T12:34:56Z",
        "2026-11-20 12:34:56Z",
        "2026-11-20t12:34:56z",
        "2026-11-20T12:34:56.000Z",
        "2026-11-20T12:34:56,000+00:00",
        "2026-11-20T18:04:56+05:30",
        "2026-11-20T04:34:56-08",
        "2026-11-20 13:34:56+0100",
        "20261120T123456Z",
        "2026-11-20 12:34:56 UTC",
    ]
    rows = decoder.rows(*(flat(timestamp=value) for value in given))
    assert [(value, row["event_time"], row["flags"]) for value, row in zip(given, rows, strict=True)] == [
        (value, NOON, []) for value in given
    ]


def test_a_time_without_an_offset_is_utc_and_flagged(decoder: Decoder) -> None:
    rows = decoder.rows(*(flat(timestamp=f"2026-11-20{gap}12:34:56") for gap in "T "))
    assert [some(row, "event_time", "flags") for row in rows] == [(NOON, [NAIVE])] * 2


def test_iso_fractions_are_cut_and_not_rounded(decoder: Decoder) -> None:
    given = ["12:34:56.1Z", "12:34:56.123456789Z", "12:34:56.9999999Z", "12:34:56.000000999999999999+00:00"]
    rows = decoder.rows(*(flat(timestamp=f"2026-11-20T{value}") for value in given))
    assert [row["event_time"].microsecond for row in rows] == [100000, 123456, 999999, 0]


def test_whole_numbers_may_be_text_or_floats_but_nothing_else(decoder: Decoder) -> None:
    good = decoder.rows(*(flat(tokens_input=value) for value in (1000, "1000", 1000.0, "1e3", " 1000 ")))
    assert [row["tokens_input"] for row in good] == [1000] * 5
    bad = decoder.rows(*(flat(tokens_input=value) for value in (True, 500.5, "x", [1], {"a": 1}, "NaN", "Infinity")))
    assert [row["reject_reason"] for row in bad] == ["bad_type"] * 7


def test_money_is_exact_as_text_and_to_twelve_decimals_as_a_number(decoder: Decoder) -> None:
    given = {
        "0.123456789012": "0.123456789012",
        "$0.12": "0.12",
        "$1,234.50": "1234.50",
        "1e-6": "0.000001",
        "123456789012345678.000000000001": "123456789012345678.000000000001",
    }
    rows = decoder.rows(*(flat(cost_usd=value) for value in given), flat(cost_usd=0.00022500000000000002))
    assert [row["reported_cost_usd"] for row in rows] == [Decimal(value) for value in (*given.values(), "0.000225")]


def test_micro_dollars_keep_their_fractions(decoder: Decoder) -> None:
    given = [1, "1", 6600, 0.5, "0.000001"]
    rows = decoder.rows(*(flat(cost_usd=None, costMicroDollars=value) for value in given))
    assert [row["reported_cost_usd"] for row in rows] == [
        Decimal(value) for value in ("0.000001", "0.000001", "0.0066", "0.0000005", "0.000000000001")
    ]


def test_negative_and_foreign_costs_are_unknown_and_flagged(decoder: Decoder) -> None:
    rows = decoder.rows(
        flat(cost_usd=-0.5), flat(cost_usd=0.5, cost_currency="EUR"), flat(cost_usd=0.5, cost_currency="usd")
    )
    assert [some(row, "reported_cost_usd", "reported_cost_kind", "flags") for row in rows] == [
        (None, None, ["negative_cost"]),
        (None, None, ["non_usd_cost"]),
        (Decimal("0.5"), "estimated", []),
    ]


def test_identifiers_are_trimmed_and_composed_and_words_for_nothing_are_null(decoder: Decoder) -> None:
    given = {
        " acme ": "acme",
        "\u200bacme\ufeff\u00a0": "acme",
        "cafe\u0301": "caf\u00e9",
        "None": None,
        "null": None,
        "undefined": None,
        "": None,
        " \t": None,
        "\t\x00acme\n": "acme",
        "\x01acme\x7f": "acme",
        "two\nlines": "two\nlines",
        "none": "none",
        "Nonesuch": "Nonesuch",
        "团队-研发": "团队-研发",
        "{curly}": "{curly}",
    }
    rows = decoder.rows(*(flat(tenant_id=value) for value in given))
    assert [row["tenant_id"] for row in rows] == list(given.values())


def test_an_identifier_is_never_an_object_a_list_or_a_text_too_long_for_a_name(decoder: Decoder) -> None:
    rows = decoder.rows(
        flat(user={"content": "a secret"}), flat(user=["a secret"]), flat(user="a secret " * 40), flat(user=12)
    )
    assert [row["user_id"] for row in rows[:2]] == [None, None]
    assert rows[2]["user_id"].startswith("length:359 sha256:")
    assert rows[3]["user_id"] == "12"


def test_negative_latencies_are_unknown_and_flagged(decoder: Decoder) -> None:
    rows = decoder.rows(flat(latency_ms=-1), flat(time_to_first_token_ms=-1), flat(latency_ms=0))
    assert [some(row, "latency_ms", "time_to_first_token_ms", "flags") for row in rows] == [
        (None, None, ["negative_latency"]),
        (850.0, None, ["negative_latency"]),
        (0.0, None, []),
    ]
