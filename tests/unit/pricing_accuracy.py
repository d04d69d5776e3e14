"""Writes docs/pricing-accuracy.md: what recorded calls cost here, by another library, by LiteLLM and as billed.

The cases are `benchmarks/pricing_cases.csv`, reviewed figures; ours are computed by the SQL of the pipeline. Belongs
here: comparing and writing. `make accuracy` runs it, a test holds the page to it.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pricing_sql import Pricing

from llmops_assets.prices import current_version

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "benchmarks" / "pricing_cases.csv"
PAGE = ROOT / "docs" / "pricing-accuracy.md"
PRICED_AT = datetime(2025, 11, 6, 12, tzinfo=UTC)
LITELLM = "1.106.2"

PICTURE = "the output is a generated image, for which there is no meter: it is charged as text, which is too little"
CACHED_AUDIO = (
    "which audio was cached is not told: all 321 tokens count as uncached, of which 37 were, at the audio price"
)
AUDIO = "the library has no audio price of this model"
OFF_PEAK = "the library has the off-peak hours, and the prices, that ended on 2025-09-05"
INFERENCE = "a router whose provider behind is not told: what the library took it for has a price, the router has none"
NO_PRICE = "the library knows the model without a price and says 0; here it is unknown"
DISAGREEMENTS = {
    **dict.fromkeys((32, 36, 45, 53), PICTURE),
    370: CACHED_AUDIO,
    524: AUDIO,
    642: OFF_PEAK,
    **dict.fromkeys((481, 482, 484, 485), INFERENCE),
    509: NO_PRICE,
}
"""Line of the recording -> why our cost is not the library's."""

BILLED = {
    89: "a server-side tool asked another model, whose tokens are not in the usage",
    91: "the customer's own key: the provider bills the customer, the router nothing",
    96: "the router chose a provider behind that costs more than its listed price: 0.60 and 2.20 a million",
    175: "billed at what OpenAI took then, 5, 6.25 and 30 a million; the library has only OpenRouter's later price",
    684: "the router chose a provider behind that costs more than its listed price: 0.10 and 0.30 a million",
}
"""Line of the recording -> why the tokens do not explain what was billed."""


@dataclass(frozen=True)
class Case:
    """A recorded call and what each says that it costs; None where one has no price."""

    line: int
    provider: str
    model: str
    ours: Decimal | None
    library: Decimal | None
    litellm: Decimal | None
    billed: Decimal | None

    @property
    def is_library_another(self) -> bool:
        """Whether the library says another amount."""
        return self.library is not None and self.library != self.ours

    @property
    def is_litellm_another(self) -> bool:
        """Whether LiteLLM says another amount."""
        return self.litellm is not None and self.litellm != self.ours


def cases(pricing: Pricing) -> list[Case]:
    """All cases, priced."""
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    priced = pricing.price([_event(row) for row in rows])
    amounts = ("library_usd", "litellm_usd", "billed_usd")
    return [
        Case(
            int(row["line"]),
            row["provider"],
            row["model"],
            call["list_cost_usd"],
            *(_usd(row[name]) for name in amounts),
        )
        for row, call in zip(rows, priced, strict=True)
    ]


def page(found: Sequence[Case]) -> str:
    """The page as Markdown."""
    billed = [case for case in found if case.billed is not None]
    return TEXT.format(
        version=current_version(),
        litellm=LITELLM,
        cases=len(found),
        library=_summary(found, lambda case: case.library),
        litellm_summary=_summary(found, lambda case: case.litellm),
        providers="\n".join(_of_providers(found)),
        disagreements="\n".join(_disagreements(found)),
        only_ours=_names(case for case in found if case.library is None and case.ours is not None),
        nobody=_names(case for case in found if case.library is None and case.ours is None),
        litellm_rows="\n".join(_litellm(found)),
        reproduced=sum(case.billed == case.ours for case in billed),
        all_billed=len(billed),
        billed="\n".join(_billed(billed)),
    )


def _event(row: dict[str, str]) -> dict[str, Any]:
    counts = {name: int(text) for name, text in row.items() if name.startswith(("tokens_", "web_")) and text}
    output = {} if row["operation"] == "embedding" else {"tokens_output": 0}
    named = {name: row[name] for name in ("provider", "model", "operation")}
    return {"tokens_input": 0, **output, **counts, **named, "event_time": PRICED_AT}


def _usd(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _shown(usd: Decimal | None) -> str:
    return "unknown" if usd is None else f"{usd.normalize():f}" if usd else "0"


def _summary(found: Sequence[Case], theirs: Callable[[Case], Decimal | None]) -> str:
    told = [case for case in found if theirs(case) is not None]
    same = sum(theirs(case) == case.ours for case in told)
    return f"{same} of the {len(told)} that it has a cost of"


def _of_providers(found: Sequence[Case]) -> Iterator[str]:
    for provider in sorted({case.provider for case in found}):
        of = [case for case in found if case.provider == provider]
        counts = (
            len(of),
            sum(case.ours is not None for case in of),
            sum(case.library is not None and not case.is_library_another for case in of),
            sum(case.is_library_another for case in of),
            sum(case.litellm is not None and not case.is_litellm_another for case in of),
            sum(case.is_litellm_another and bool(case.litellm) for case in of),
            sum(case.is_litellm_another and case.litellm == 0 for case in of),
            sum(case.litellm is None for case in of),
        )
        yield f"| {provider} | {' | '.join(map(str, counts))} |"


def _disagreements(found: Sequence[Case]) -> Iterator[str]:
    for case in found:
        if case.is_library_another:
            amounts = " | ".join(map(_shown, (case.ours, case.library, case.litellm)))
            yield f"| {case.line} | {case.provider} {case.model} | {amounts} | {DISAGREEMENTS[case.line]} |"


def _litellm(found: Sequence[Case]) -> Iterator[str]:
    differing = [case for case in found if case.is_litellm_another and case.line not in DISAGREEMENTS]
    for provider, model in sorted({(case.provider, case.model) for case in differing}):
        of = [case for case in differing if (case.provider, case.model) == (provider, model)]
        ours = (
            None if any(case.ours is None for case in of) else sum((case.ours or Decimal(0) for case in of), Decimal(0))
        )
        theirs = sum((case.litellm or Decimal(0) for case in of), Decimal(0))
        yield f"| {provider} {model} | {len(of)} | {_shown(ours)} | {_shown(theirs)} |"


def _billed(found: Sequence[Case]) -> Iterator[str]:
    for case in found:
        amounts = " | ".join(map(_shown, (case.billed, case.ours, case.library, case.litellm)))
        reason = "" if case.billed == case.ours else BILLED[case.line]
        yield f"| {case.line} | {case.model} | {amounts} | {reason} |"


def _names(found: Iterable[Case]) -> str:
    counted = Counter(f"{case.provider} {case.model}" for case in found)
    return ", ".join(f"{name} ({count})" for name, count in sorted(counted.items()))


TEXT = """# How right the prices are

Real usage that others recorded, priced by the pipeline's own SQL and compared with what genai-prices computed for
it, with LiteLLM's `completion_cost` and with what was really billed. `make accuracy` writes this page from reviewed
figures; a test fails when it is no longer what the code says.

The cases are the {cases} bodies with a model among 789 `usage` blocks in the recordings of pydantic-ai's tests, with
the library's own extraction and price at 2025-11-06T12:00Z (pydantic/genai-prices, MIT). Ours are list costs at that
time by the book {version}. LiteLLM {litellm} got the same counts, with the price map that it carries. That
map knows no dates: an old model is gone from it, and an alias has the price of what it means today.

The same to the last of 12 places: genai-prices in {library}, LiteLLM in {litellm_summary}.

| provider | cases | priced here | genai-prices the same | another | LiteLLM the same | another | 0 | no price |
|---|---|---|---|---|---|---|---|---|
{providers}

## Where genai-prices says otherwise

All of them, in USD. The line is that of the recording.

| line | model | here | genai-prices | LiteLLM | why |
|---|---|---|---|---|---|
{disagreements}

Priced here and not in the recorded figures, where the library lacked the model's name or the provider's shape:
{only_ours}.

Priced by neither: {nobody}.
Their calls are `unpriced` until somebody [names their price](prices.md#names-and-prices-of-your-own).

## Where LiteLLM says otherwise

The models beside those above, in USD over their cases. A 0 is a model that LiteLLM does not know, not one that is
free.

| model | cases | here | LiteLLM |
|---|---|---|---|
{litellm_rows}

## What OpenRouter billed

{reproduced} of {all_billed} billed amounts are reproduced from tokens and the list price at one fixed time, in USD;
the calls' own times are not recorded. In the pipeline the billed amount is `cost_usd`, whatever the tokens say.

| line | model | billed | here | genai-prices | LiteLLM | why the tokens do not explain it |
|---|---|---|---|---|---|---|
{billed}
"""


if __name__ == "__main__":
    PAGE.write_text(page(cases(Pricing())), encoding="utf-8")
