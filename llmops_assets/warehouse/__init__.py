"""Building windows: mount what a window needs, run the dbt project on it, audit, publish.

`build_hours`, `build_days` and `build_reports` are the entry points, `due` says what they should be called
for. What the tables mean is the dbt project; how they become durable is `lake`.
"""

from llmops_assets.warehouse.build import AuditFailed, BuildReport, build_days, build_hours, build_reports
from llmops_assets.warehouse.due import due_days, due_hours, due_reports

__all__ = [
    "AuditFailed",
    "BuildReport",
    "build_days",
    "build_hours",
    "build_reports",
    "due_days",
    "due_hours",
    "due_reports",
]
