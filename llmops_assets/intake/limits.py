"""How much a token may send: a bucket of events that fills at a steady rate.

Belongs here: the arithmetic. A request may take more than the bucket holds and leaves it in debt, so that a
batch larger than a second's allowance is slow, but never impossible.
"""

import math
import time
from collections.abc import Callable


class RateLimit:
    """At most `per_second` events a second on average, and one second's worth at once after a pause."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self._clock = clock
        self._level = per_second
        self._at = clock()

    def wait(self) -> int:
        """Whole seconds until the next request is allowed; 0 if it is now."""
        self._fill()
        return 0 if self._level > 0 else max(1, math.ceil(-self._level / self.per_second))

    def take(self, events: int) -> None:
        """Count events that were accepted."""
        self._fill()
        self._level -= events

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self.per_second, self._level + (now - self._at) * self.per_second)
        self._at = now
