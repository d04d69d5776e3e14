"""Whether one name meets a rule of the price book, for somebody who asks about it.

Belongs here: the rules for single names, without DuckDB and without the library. Calls are matched in SQL by the
macros `model_matches` and `with_dashed_date` of the dbt project; a test holds both to the same answers.
"""

import re

from llmops_assets.prices.book import PriceBookError

Clause = tuple[str, str]
Groups = list[list[Clause]]

# gpt-5.2-20251211 -> gpt-5.2-2025-12-11, as the macro `with_dashed_date` has it.
_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(-|:|$)")


def is_match(name: str, rule: Groups) -> bool:
    """Whether a lower-cased name meets a rule; for one name, where the macro `model_matches` is for many."""
    return all(any(_holds(name, kind, text) for kind, text in clauses) for clauses in rule)


def _holds(name: str, kind: str, text: str) -> bool:
    match kind:
        case "equals":
            return name == text
        case "starts_with":
            return name.startswith(text)
        case "ends_with":
            return name.endswith(text)
        case "contains":
            return text in name
        case "regex":
            return re.search(text, name) is not None
        case "not_regex":
            return re.search(text, name) is None
    raise PriceBookError(f"the price book has a rule of the unknown kind {kind!r}")


def spellings(name: str, region_scope: str | None) -> list[str]:
    """Every way to write a name, the first that a model is found by counts: with its scope in front, as it is, and
    both with compact dates dashed."""
    plain = name.strip().lower()
    written = [f"{region_scope}.{plain}", plain] if region_scope else [plain]
    return [*written, *(dashed for one in written if (dashed := _COMPACT_DATE.sub(r"-\1-\2-\3\4", one)) != one)]
