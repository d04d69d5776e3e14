"""What the generator wrote, counted while it wrote it: the answer sheet that a pipeline's ledger must equal.

Belongs here: the counts and their file. It knows nothing of how records are decoded.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FILE_NAME = "planted.json"


@dataclass
class PlantedHour:
    """Objects and records under one arrival hour of one source."""

    source: str
    arrival_hour: datetime
    objects: int = 0
    records: int = 0
    accepted: int = 0
    rejected: int = 0
    not_a_call: int = 0
    report: int = 0
    rejects: dict[str, int] = field(default_factory=dict)

    def accept(self, count: int = 1) -> None:
        """Count records that a decoder must accept."""
        self.records += count
        self.accepted += count

    def reject(self, reason: str) -> None:
        """Count a record that a decoder must reject for `reason`."""
        self.records += 1
        self.rejected += 1
        self.rejects[reason] = self.rejects.get(reason, 0) + 1


@dataclass(frozen=True)
class PlantedFile:
    """One written object."""

    path: str
    size: int
    mtime: int
    sha256: str


@dataclass
class Planted:
    """The whole example. `events` are distinct calls: accepted - exact_duplicates - conflicts."""

    arguments: dict[str, str | int]
    digest: str = ""
    hours: list[PlantedHour] = field(default_factory=list)
    files: list[PlantedFile] = field(default_factory=list)
    exact_duplicates: int = 0
    conflicts: int = 0
    late_records: int = 0
    unknown_model_calls: int = 0
    usage_missing_calls: int = 0
    truncated_objects: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    tenants: dict[str, int] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)

    @property
    def objects(self) -> int:
        """Objects written."""
        return sum(hour.objects for hour in self.hours)

    @property
    def records(self) -> int:
        """Records written, whatever becomes of them."""
        return sum(hour.records for hour in self.hours)

    @property
    def accepted(self) -> int:
        """Records that a decoder must accept."""
        return sum(hour.accepted for hour in self.hours)

    @property
    def rejected(self) -> int:
        """Records that a decoder must reject."""
        return sum(hour.rejected for hour in self.hours)

    @property
    def rejects(self) -> dict[str, int]:
        """Rejected records by reason."""
        total: Counter[str] = Counter()
        for hour in self.hours:
            total.update(hour.rejects)
        return dict(sorted(total.items()))

    @property
    def events(self) -> int:
        """Distinct calls."""
        return self.accepted - self.exact_duplicates - self.conflicts

    def to_json(self) -> str:
        """One readable document; `from_json` reads it back."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, default=_text) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Planted":
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        hours = [
            PlantedHour(**{**hour, "arrival_hour": datetime.fromisoformat(hour["arrival_hour"])})
            for hour in values.pop("hours")
        ]
        files = [PlantedFile(**file) for file in values.pop("files")]
        return cls(**values, hours=hours, files=files)

    @classmethod
    def load(cls, folder: Path) -> "Planted":
        """Read the counts of the example in `folder`."""
        return cls.from_json((folder / FILE_NAME).read_text(encoding="utf-8"))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is not expected in {FILE_NAME}")
