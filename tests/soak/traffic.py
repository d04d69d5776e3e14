"""Objects that arrive while the daemon runs, and what must be true of the lake in the end.

Shares no code with the decoders: it counts what it writes.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOKENS_OUTPUT = 10
LATE_HOURS = (1, 2, 26)


@dataclass
class Truth:
    """What the source holds now, by object; an overwritten object holds what was written last."""

    calls: dict[Path, list[str]] = field(default_factory=dict)
    malformed: Counter[Path] = field(default_factory=Counter)

    @property
    def events(self) -> set[str]:
        """Ids of all calls: one that was sent twice counts once."""
        return {event_id for ids in self.calls.values() for event_id in ids}

    @property
    def accepted(self) -> int:
        """Records that can be read."""
        return sum(len(ids) for ids in self.calls.values())

    @property
    def rejected(self) -> int:
        """Records that cannot."""
        return sum(self.malformed.values())


class Traffic:
    """Writes objects under hour prefixes: new ones, late ones, overwritten ones, with duplicates and dirt."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.truth = Truth()
        self.number = 0

    def write(self) -> None:
        """One object, of a kind drawn at random."""
        now = datetime.now(UTC)
        kind = self.random.random()
        if kind < 0.15 and self.truth.calls:
            self._put(self.random.choice(sorted(self.truth.calls)), now)
        elif kind < 0.3:
            self._put(self._path(now - timedelta(hours=self.random.choice(LATE_HOURS))), now)
        else:
            self._put(self._path(now), now)

    def _path(self, hour: datetime) -> Path:
        self.number += 1
        return self.folder / f"{hour:%Y-%m-%d}" / f"{hour:%H}" / f"{self.number:06}.ndjson"

    def _put(self, path: Path, now: datetime) -> None:
        ids = [f"call-{self.random.getrandbits(64):016x}" for _ in range(self.random.randrange(1, 30))]
        if self.random.random() < 0.3:
            ids.append(ids[0])  # sent twice
        lines = [json.dumps(self._call(event_id, now)) for event_id in dict.fromkeys(ids)]
        lines += lines[:1] * (len(ids) - len(lines))
        bad = 1 if self.random.random() < 0.2 else 0
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text("\n".join([*lines, *["{not json"] * bad]) + "\n", encoding="utf-8")
        partial.replace(path)  # a reader sees the old object or the new one
        self.truth.calls[path], self.truth.malformed[path] = ids, bad

    def _call(self, event_id: str, now: datetime) -> dict[str, object]:
        late = timedelta(hours=self.random.choice(LATE_HOURS)) if self.random.random() < 0.1 else timedelta(0)
        return {
            "event_id": event_id,
            "timestamp": (now - late - timedelta(seconds=self.random.randrange(60))).isoformat(),
            "provider": "openai",
            "model": "gpt-4o-mini",
            "tenant_id": f"tenant-{self.random.randrange(5)}",
            "input_tokens": 100,
            "output_tokens": TOKENS_OUTPUT,
            "success": True,
            "latency_ms": 250.0,
        }
