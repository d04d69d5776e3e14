"""What a run is asked for: its window, from the partition or range of partitions that it was given.

Pure of business: only the translation from Dagster's words to ours.
"""

from datetime import UTC

import dagster as dg

from llmops_assets.windows import Window


def run_window(context: dg.AssetExecutionContext) -> Window:
    """The window of the run's partition, or of its whole range of partitions."""
    start, end = context.partition_time_window
    return Window(start.astimezone(UTC), end.astimezone(UTC))
