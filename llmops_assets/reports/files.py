"""A day's report on disk: `cost_optimization/<date>.html` and `.json`, rewritten only if their content differs.

Both are a function of the tables alone and carry the digest of their content. Belongs here: names and writing.
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

from llmops_assets.reports.content import Report
from llmops_assets.reports.page import page
from llmops_assets.settings import Settings

NAME = "cost_optimization"


@dataclass(frozen=True)
class WrittenReport:
    """Where a report is, and whether writing it changed anything."""

    html: Path
    json: Path
    changed: bool


def report_path(settings: Settings, day: date) -> Path:
    """The page of a day."""
    return settings.reports_folder / NAME / f"{day.isoformat()}.html"


def write_report(settings: Settings, report: Report) -> WrittenReport:
    """Write page and JSON of a day where they differ from what is there."""
    html = report_path(settings, report.day)
    data = html.with_suffix(".json")
    html.parent.mkdir(parents=True, exist_ok=True)
    body = {"digest": report.digest, **report.as_json()}
    changed = [
        _write(data, json.dumps(body, ensure_ascii=False, indent=1) + "\n"),
        _write(html, page(report)),
    ]
    return WrittenReport(html, data, any(changed))


def _write(file: Path, text: str) -> bool:
    """Replace the file in one step; a reader never sees half of it."""
    content = text.encode()
    if file.is_file() and file.read_bytes() == content:
        return False
    beside = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return True
