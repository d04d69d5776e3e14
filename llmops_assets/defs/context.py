"""What a run is asked for, in our words: its window; and what is done when it meets a passing fault.

Pure of business: only the translation between Dagster's words and ours.
"""

from datetime import UTC

import dagster as dg

from llmops_assets.windows import Window

RETRIES = dg.RetryPolicy(max_retries=2, delay=3, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""A store or catalog that was out of reach for a moment. An audit that failed is not tried again: it would fail."""


def run_window(context: dg.AssetExecutionContext) -> Window:
    """The window of the run's partition, or of its whole range of partitions."""
    start, end = context.partition_time_window
    return Window(start.astimezone(UTC), end.astimezone(UTC))
