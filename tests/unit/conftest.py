"""What the unit tests of prices share: one database with the newest price book, and a call priced in it."""

from collections.abc import Callable
from typing import Any

import pytest
from pricing_sql import Pricing


@pytest.fixture(scope="session")
def pricing() -> Pricing:
    """The pricing models with the books of the package."""
    return Pricing()


@pytest.fixture
def price(pricing: Pricing) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """One call, priced."""
    return lambda event: pricing.price([event])[0]
