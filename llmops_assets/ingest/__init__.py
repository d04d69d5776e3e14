"""Taking raw records in: what is new in an arrival hour, decoded, committed, and entered in the ledger.

`refresh` is the entry point. Listing and reading objects is `sources`, what a record means is
`formats`, and how rows become durable is `lake`.
"""

from llmops_assets.ingest.decoding import ConservationError
from llmops_assets.ingest.ledger import unread_objects
from llmops_assets.ingest.plan import pending_hours
from llmops_assets.ingest.refresh import RefreshReport, refresh

__all__ = ["ConservationError", "RefreshReport", "pending_hours", "refresh", "unread_objects"]
