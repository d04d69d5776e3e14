"""What the service counts, as text that Prometheus reads.

Belongs here: names of counters and their sums. Labels are names of sources and status codes, never anything
that a sender wrote.
"""

from collections import defaultdict
from collections.abc import Mapping
from threading import Lock

MEANINGS = {
    "requests": "Requests answered, by status.",
    "events": "Events accepted.",
    "quarantined": "Events refused because they name another tenant.",
    "bytes": "Bytes of accepted events.",
    "writes": "Writes to disk, each with one fsync for all requests in it.",
    "objects": "Objects finished.",
    "failures": "Writes and uploads that failed.",
}


class Counters:
    """Sums by name and label; may be added to by any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sums: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, name: str, label: str, count: int = 1) -> None:
        """Add to one sum. `label` is a source, or the status of a request."""
        with self._lock:
            self._sums[name, label] += count

    def text(self, gauges: Mapping[str, int]) -> str:
        """All sums, and `gauges` as they are now."""
        with self._lock:
            sums = dict(self._sums)
        lines: list[str] = []
        for name, meaning in MEANINGS.items():
            label = "status" if name == "requests" else "source"
            lines += [f"# HELP llmops_intake_{name}_total {meaning}", f"# TYPE llmops_intake_{name}_total counter"]
            found = sorted((value, count) for (key, value), count in sums.items() if key == name)
            lines += [f'llmops_intake_{name}_total{{{label}="{value}"}} {count}' for value, count in found]
        for name, count in gauges.items():
            lines += [f"# TYPE llmops_intake_{name} gauge", f"llmops_intake_{name} {count}"]
        return "\n".join([*lines, ""])
