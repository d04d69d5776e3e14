"""docs/pricing-accuracy.md is what the code says, and every difference on it has its reason."""

import pytest
from pricing_accuracy import BILLED, DISAGREEMENTS, PAGE, Case, cases, page
from pricing_sql import Pricing, usd


@pytest.fixture(scope="module")
def priced(pricing: Pricing) -> list[Case]:
    return cases(pricing)


def test_the_page_is_what_the_code_says(priced: list[Case]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(priced), "run `make accuracy` and review the page"


def test_every_difference_from_the_library_has_a_reason_and_every_reason_a_difference(priced: list[Case]) -> None:
    assert {case.line for case in priced if case.is_library_another} == DISAGREEMENTS.keys()
    agreeing = [case for case in priced if case.library is not None and not case.is_library_another]
    assert len(agreeing) > 600


def test_what_was_billed_is_reproduced_unless_it_is_known_why_not(priced: list[Case]) -> None:
    billed = [case for case in priced if case.billed is not None]
    assert {case.line for case in billed if case.billed != case.ours} == BILLED.keys()
    assert {case.provider for case in billed} == {"openrouter"}
    # 2240 × 0.30 + 329 × 3.75 + 3 × 3 + 100 × 15 per million
    (one,) = (case for case in billed if case.line == 663)
    assert one.ours == one.billed == usd("0.00341475")


def test_a_price_that_nobody_has_is_never_a_zero(priced: list[Case]) -> None:
    assert [case for case in priced if case.ours == 0 and case.library != 0] == []
    assert any(case.litellm == 0 and case.ours is None for case in priced)
