"""Every expectation by its stable name: about which table, how grave, what it means and what to do.

Belongs here: words and defaults, which settings validate names against and which checks in the UI are
declared from. How a frame is made and judged is `raw`, `metrics` and `suite`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["error", "warn", "off"]

BATCHES = "raw_llm_events"
"""Expectations of this table are asked of every source and arrival hour."""


@dataclass(frozen=True)
class Expectation:
    """What is expected of a table, in words for who has to act; `error` keeps a window from being published."""

    name: str
    table: str
    severity: Severity
    meaning: str
    cure: str

    @property
    def blocking(self) -> bool:
        """Whether a failure stops what comes after."""
        return self.severity == "error"


CATALOGUE = (
    Expectation(
        "every_record_has_one_outcome",
        BATCHES,
        "error",
        "The ledger's records are the rows of the hour, and each is accepted, rejected, not_a_call or report.",
        "Materialize the hour again: the ledger is made anew from the rows. If it fails again, report a defect.",
    ),
    Expectation(
        "volume_is_as_in_weeks_before",
        BATCHES,
        "warn",
        "An ended hour has about as many records as the same hour of the same weekday in earlier weeks.",
        "Fewer: look whether the producer or its upload stopped. More: look for a loop of retries or a replay.",
    ),
    Expectation(
        "null_rates_are_as_in_weeks_before",
        BATCHES,
        "warn",
        "No column of accepted records is empty much more often than in the same hour of earlier weeks.",
        "Ask the producer whether a field was renamed or dropped; see docs/formats.md for the names that are read.",
    ),
    Expectation(
        "amounts_are_in_range",
        BATCHES,
        "warn",
        "Tokens and latency of single calls are of a size that a call can have.",
        "Look at the calls shown: a unit (seconds for milliseconds) or a total instead of one call is the usual cause.",
    ),
    Expectation(
        "event_times_are_near_arrival",
        BATCHES,
        "warn",
        "Few calls lie after their arrival, or long before it.",
        "Calls in the future: a producer's clock or time zone is off. Long before: a replay or a stuck upload.",
    ),
    Expectation(
        "rejects_are_as_in_weeks_before",
        BATCHES,
        "warn",
        "No reason to reject takes a greater share of the records than before.",
        "Read the reason in docs/formats.md; mend the producer and upload the objects again under the same keys.",
    ),
    Expectation(
        "formats_were_seen_before",
        BATCHES,
        "warn",
        "Every wire format of the hour was seen from this source before.",
        "If the change was meant, nothing. Else a foreign file is in the source: remove it, or fix `format`.",
    ),
    Expectation(
        "rates_are_shares",
        "llm_operations_metrics",
        "error",
        "Every rate of the metrics lies between 0 and 1 (percentages between 0 and 100).",
        "A model computes a wrong ratio: nothing was published. Look at the rows shown, then at the model's SQL.",
    ),
    Expectation(
        "latency_percentiles_are_in_order",
        "latency_percentiles",
        "error",
        "p0 <= p50 <= p90 <= p95 <= p99 <= p100 in every row.",
        "A percentile is computed wrongly: nothing was published. Look at the rows shown, then at the model's SQL.",
    ),
    Expectation(
        "list_costs_are_within_the_price_book",
        "llm_requests",
        "error",
        "List cost per token lies between the lowest and the highest price that the book has for the model.",
        "Prices were matched or multiplied wrongly: nothing was published. Check the model's rows of the price book.",
    ),
    Expectation(
        "claimed_costs_are_near_the_price_book",
        "llm_requests",
        "warn",
        "Costs taken from the producer are, per token, not many times off the prices of the book.",
        "Look for a wrong currency unit (cents, micro-dollars) of the source, or a contract that the book lacks.",
    ),
    Expectation(
        "models_are_as_in_the_week_before",
        "llm_operations_metrics",
        "warn",
        "Calls spread over models about as in the seven days before.",
        "If a migration was planned, nothing. Else ask who switched; the shares shown say from which model to which.",
    ),
    Expectation(
        "tenants_are_as_in_the_week_before",
        "llm_operations_metrics",
        "warn",
        "Calls spread over tenants about as in the seven days before.",
        "Look whether one tenant's calls are missing, doubled, or lost their tenant_id (unattributed).",
    ),
)


def expectations_of(severities: Mapping[str, Severity], *, batches: bool) -> tuple[Expectation, ...]:
    """Those of raw batches, or of metrics, with the configured severities and without the ones that are off."""
    chosen = (one for one in CATALOGUE if (one.table == BATCHES) == batches)
    graded = (replace(one, severity=severities.get(one.name, one.severity)) for one in chosen)
    return tuple(one for one in graded if one.severity != "off")
