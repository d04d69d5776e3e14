"""Topics of a Kafka cluster: what they hold now, and bounded reads of ranges of offsets.

`Cluster` asks brokers, `read_ranges` gives the records of ranges as batches. Which ranges there are is planned
and recorded by `ingest`; nothing here remembers anything. The client library is imported when it is first needed.
"""

from llmops_assets.sources.kafka.cluster import Cluster
from llmops_assets.sources.kafka.held import Held, Place
from llmops_assets.sources.kafka.ranges import RangeRead, RangeRef
from llmops_assets.sources.kafka.reading import read_ranges

__all__ = ["Cluster", "Held", "Place", "RangeRead", "RangeRef", "read_ranges"]
