"""The events endpoint: takes records over HTTP and appends them to the objects of a source.

`create_app` makes the service, `Spool` stores what it was sent. What a record means is `formats`, and taking
the objects into the lake is `ingest`, which knows nothing of this package. Bodies and tokens are never logged.
"""

from llmops_assets.intake.errors import IntakeError

__all__ = ["IntakeError"]
