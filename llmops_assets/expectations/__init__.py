"""Great Expectations: what is unusual about a raw batch that landed, or about metrics before they are shown.

Belongs here: which expectations there are, the SQL that makes their small frames, and the process of its own
in which the library judges them. Nothing here knows Dagster; records, relations and sums have other owners
(decoders and dbt tests).
"""

from llmops_assets.expectations.catalogue import Expectation, expectations_of
from llmops_assets.expectations.client import ExpectationsError, warm_up
from llmops_assets.expectations.finding import Finding
from llmops_assets.expectations.metrics import examine_metrics
from llmops_assets.expectations.raw import examine_batches

__all__ = [
    "Expectation",
    "ExpectationsError",
    "Finding",
    "examine_batches",
    "examine_metrics",
    "expectations_of",
    "warm_up",
]
