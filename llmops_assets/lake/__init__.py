"""The lake: Iceberg tables, of which one window at a time is read, replaced or kept.

Belongs here: the seam between DuckDB and Iceberg. Which tables there are and what their rows mean
belongs to their owners; nothing here knows Dagster or dbt.
"""

from llmops_assets.lake.commit import Commit, StaleWindow
from llmops_assets.lake.errors import LakeError
from llmops_assets.lake.expiry import ExpireReport
from llmops_assets.lake.lake import Lake, SnapshotInfo
from llmops_assets.lake.schema import Column, TableSpec, columns_of, rows_of_spec

__all__ = [
    "Column",
    "Commit",
    "ExpireReport",
    "Lake",
    "LakeError",
    "SnapshotInfo",
    "StaleWindow",
    "TableSpec",
    "columns_of",
    "rows_of_spec",
]
