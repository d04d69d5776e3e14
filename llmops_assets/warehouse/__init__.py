"""Building windows: mount what a window needs, run the dbt project on it, audit, publish.

`build_hours` and `build_days` are the entry points, `due` says what they should be called for. What the
tables mean is the dbt project; how they become durable is `lake`.
"""

from llmops_assets.warehouse.build import AuditFailed, BuildReport, build_days, build_hours
from llmops_assets.warehouse.due import due_days, due_hours

__all__ = ["AuditFailed", "BuildReport", "build_days", "build_hours", "due_days", "due_hours"]
