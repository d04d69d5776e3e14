"""One source, a lake and a clock: what the tests of taking in share."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llmops_assets.ingest import RefreshReport, pending_hours, refresh
from llmops_assets.ingest.refresh import Run
from llmops_assets.lake import Lake
from llmops_assets.settings import IngestSettings, Settings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.windows import HOUR, Window

TEN = datetime(2026, 11, 1, 10, tzinfo=UTC)
LATER = TEN + timedelta(hours=3)
PREFIX = "2026-11-01/10"
CALL = {"timestamp": "2026-11-01T10:30:00Z", "provider": "openai", "model": "gpt-4o"}


def calls(*ids: str, filler: int = 0) -> bytes:
    """One line per id, each longer by `filler`."""
    more = {"tenant_id": "t" * filler} if filler else {}
    return "".join(json.dumps(CALL | more | {"event_id": one}) + "\n" for one in ids).encode()


@dataclass
class Site:
    """A lake that takes in the hour from ten o'clock of one source."""

    lake: Lake
    home: Path
    source: SourceSettings
    now: datetime = LATER
    runs: int = 0

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, source=(self.source,), ingest=IngestSettings(batch_bytes=2**20))

    def refresh(self, window: Window | None = None) -> RefreshReport:
        """Take in the hour (or another window)."""
        self.runs += 1
        run = Run(f"run-{self.runs}", self.now, self.home / "scratch")
        return refresh(self.lake, self.settings, self.source, window or Window(TEN, TEN + HOUR), run)

    def due(self, since: datetime | None = None) -> list[datetime]:
        """Arrival hours that hold something new, or had nothing and ended."""
        return sorted(pending_hours(self.lake, self.settings, self.source, self.now, since))

    def is_due(self, since: datetime | None = None) -> bool:
        """Whether the hour from ten is; the empty hours after it are not looked at."""
        return TEN in self.due(since)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.lake.reader([RAW, LEDGER]) as connection:
            return connection.execute(query).fetchall()

    def ids(self) -> list[str]:
        """The calls that the lake holds."""
        return [one for (one,) in self.rows(f"select event_id from lake.{RAW} order by all")]

    def ledger(self) -> list[tuple[Any, ...]]:
        """Name, records, failure and deletion of the objects of the hour."""
        columns = "parse_filename(uri), records, failure, deleted_since"
        return self.rows(f"select {columns} from lake.{LEDGER} where arrival_hour = '{TEN}' order by all")
