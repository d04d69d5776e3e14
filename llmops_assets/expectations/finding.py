"""What became of one expectation in one window, ready to be shown.

Belongs here: plain results and their words. Who judged is `suite`; how a UI shows it is `defs`.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from llmops_assets.expectations.catalogue import Expectation

Example = Mapping[str, str]


@dataclass(frozen=True)
class Finding:
    """One expectation and what was seen. `hours` are those at fault, none if it passed."""

    expectation: Expectation
    passed: bool
    observed: str
    bounds: str
    hours: tuple[datetime, ...] = ()
    examples: tuple[Example, ...] = ()
    query: str = ""

    @property
    def name(self) -> str:
        """The expectation's stable name."""
        return self.expectation.name

    @property
    def failed(self) -> bool:
        """Whether it forbids publishing."""
        return not self.passed and self.expectation.blocking

    @property
    def command(self) -> str:
        """The `llmops sql` that shows the rows, for a shell."""
        return _command(self.query) if self.query else ""

    def combined(self, before: "Finding | None") -> "Finding":
        """This and an earlier window's together: the failed one, if one failed."""
        if before is None or self.passed == before.passed:
            return self if before is None else replace(self, hours=(*before.hours, *self.hours))
        return self if before.passed else before

    def sentence(self) -> str:
        """For an error message: what was expected, what was seen, where."""
        rows = "".join("\n    " + ", ".join(f"{name}={value}" for name, value in row.items()) for row in self.examples)
        look = f"\n    look: {self.command}" if self.command else ""
        return f"- {self.name}: {self.observed}, expected {self.bounds}{rows}{look}\n    {self.expectation.cure}"


def _command(query: str) -> str:
    return f'llmops sql "{query}"' if not re.search(r'["$`\\!]', query) else f"llmops sql {shlex.quote(query)}"
