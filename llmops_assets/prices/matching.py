"""The library's rules for recognising a model by name, as plain data.

A rule becomes groups of clauses: every group must hold a clause that is true of the lower-cased name.
Clause kinds: equals, starts_with, ends_with, contains, regex, not_regex. Belongs here: the translation.
Calls are matched by the macro `model_matches` of the dbt project, single names by `prices.names`.
"""

import re
from itertools import chain, product
from typing import Any

from genai_prices import types

from llmops_assets.prices.book import PriceBookError
from llmops_assets.prices.names import Clause, Groups

_TEXT_KINDS = {
    types.ClauseEquals: "equals",
    types.ClauseStartsWith: "starts_with",
    types.ClauseEndsWith: "ends_with",
    types.ClauseContains: "contains",
}
# DuckDB's RE2 has no look-ahead; "does not contain" is the only one that model rules use.
_NOT_CONTAINED = re.compile(r"\^\(\?!\.\*(?P<inner>.+)\)")


def groups(rule: Any) -> Groups:
    """`rule` in conjunctive form.

    >>> groups(types.ClauseOr(or_=[types.ClauseEquals("gpt-4o"), types.ClauseStartsWith("gpt-4o-2")]))
    [[('equals', 'gpt-4o'), ('starts_with', 'gpt-4o-2')]]
    """
    if isinstance(rule, types.ClauseAnd):
        return [group for part in rule.and_ for group in groups(part)]
    if isinstance(rule, types.ClauseOr):
        return [list(chain(*choice)) for choice in product(*(groups(part) for part in rule.or_))]
    return [[_clause(rule)]]


def _clause(rule: Any) -> Clause:
    if isinstance(rule, types.ClauseRegex):
        return _regex(rule.regex)
    kind = _TEXT_KINDS.get(type(rule))
    if kind is None:
        raise PriceBookError(f"genai-prices has a new kind of model rule, {rule!r}: teach it to prices/matching.py")
    return kind, str(getattr(rule, kind)).lower()


def _regex(pattern: str) -> Clause:
    without = _NOT_CONTAINED.fullmatch(pattern)
    if without:
        return "not_regex", without["inner"]
    if "(?!" in pattern or "(?=" in pattern or "(?<" in pattern:
        raise PriceBookError(
            f"the model rule {pattern!r} looks around, which RE2 cannot: translate it in prices/matching.py"
        )
    return "regex", pattern
