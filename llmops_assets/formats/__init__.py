"""Wire formats: from records as text to rows of the raw table, in SQL, one row per record.

Belongs here: what each producer's fields mean (one file per format), the casts, the closed lists of
reject reasons and flags, and the redaction of rejects. Where records come from is `sources`; how rows
become durable is `lake`; what a call cost is the warehouse's.
"""

from llmops_assets.formats.format import Format
from llmops_assets.formats.install import prepare
from llmops_assets.formats.query import decoding, records_in
from llmops_assets.formats.registry import all_formats, format_names

__all__ = ["Format", "all_formats", "decoding", "format_names", "prepare", "records_in"]
