"""Hour prefixes of keys: what an arrival hour looks like in a folder name, by a strftime template.

Belongs here: which hour a key is filed under, and whether a folder can hold hours of a window. Does not
belong here: listing, or what hour an object without a prefix belongs to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from llmops_assets.sources.errors import SourceError
from llmops_assets.windows import Window

_NEEDED = "YmdH"
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_DIRECTIVE = re.compile(r"%(.)|%$")


@dataclass(frozen=True)
class Layout:
    """A strftime template of the hour prefix below the source's uri, such as `dt=%Y-%m-%d/hour=%H/`."""

    template: str

    @classmethod
    def parse(cls, template: str, source: str) -> "Layout":
        """Check the template.

        Raises:
            SourceError: it lacks part of the hour, or has a directive that is no fixed-width number.
        """
        names = [match.group(1) or "" for match in _DIRECTIVE.finditer(template)]
        unknown = sorted({name for name in names if name != "%" and name not in _DIGITS})
        if unknown:
            listed = ", ".join(f"%{name}" for name in unknown)
            raise SourceError(
                f"source {source}: layout {template!r} has {listed}; allowed are %Y %m %d %H (and %M %S %%)"
            )
        missing = [f"%{name}" for name in _NEEDED if name not in names]
        if missing:
            raise SourceError(
                f"source {source}: layout {template!r} lacks {' '.join(missing)}; it needs all of %Y %m %d %H, "
                "such as %Y-%m-%d/%H/. Leave layout out to file objects by their last-modified hour"
            )
        return cls(template.lstrip("/"))

    @cached_property
    def _levels(self) -> list[re.Pattern[str]]:
        """A pattern per folder of the template; the last one is the whole template."""
        ends = [match.end() for match in re.finditer("/", self.template)]
        if not self.template.endswith("/"):
            ends.append(len(self.template))
        return [_pattern(self.template[:end]) for end in ends]

    def hour(self, path: str) -> datetime | None:
        """The hour in the prefix of `path` (relative to the source), or None if it has none."""
        if match := self._levels[-1].match(path):
            return _datetime(match)
        return None

    def prune(self, window: Window) -> "Pruning":
        """A test of folders against `window`."""
        return Pruning(self, [_known(pattern, window) for pattern in self._levels])

    def fields(self, folder: str) -> tuple[int, tuple[int, ...]] | None:
        """The level of `folder` (ending in a slash) and the numbers in it; None for a stray folder."""
        depth = min(folder.count("/"), len(self._levels)) - 1
        match = self._levels[depth].match(folder)
        if match is None or _datetime(match) is None:
            return None
        return depth, tuple(int(digits) for digits in match.groups())


@dataclass(frozen=True)
class Pruning:
    """Which folders can hold an hour of one window."""

    layout: Layout
    known: list[set[tuple[int, ...]]]

    def skips(self, folder: str) -> bool:
        """True if `folder` is dated and no hour of the window lies in it."""
        fields = self.layout.fields(folder)
        return fields is not None and fields[1] not in self.known[fields[0]]

    def is_stray(self, folder: str) -> bool:
        """True if `folder` does not follow the layout: any hour may lie in it."""
        return self.layout.fields(folder) is None

    def is_whole_hour(self, folder: str) -> bool:
        """True if the layout says nothing about folders below `folder`."""
        fields = self.layout.fields(folder)
        return fields is not None and fields[0] == len(self.known) - 1


def _datetime(match: re.Match[str]) -> datetime | None:
    """The hour that a match speaks of, with what it leaves open set to its first; None for a 13th month."""
    # 2000 is a leap year and January has 31 days, so that no part is refused for what is left open.
    parts = {"Y": 2000, "m": 1, "d": 1, "H": 0} | {name: int(text) for name, text in match.groupdict().items()}
    try:
        return datetime(parts["Y"], parts["m"], parts["d"], parts["H"], tzinfo=UTC)
    except ValueError:
        return None


def _known(pattern: re.Pattern[str], window: Window) -> set[tuple[int, ...]]:
    """The numbers that the hours of `window` give the groups of `pattern`."""
    names = list(pattern.groupindex)
    return {_numbers(hour.start, names) for hour in window.hours()}


def _numbers(hour: datetime, names: Iterable[str]) -> tuple[int, ...]:
    parts = {"Y": hour.year, "m": hour.month, "d": hour.day, "H": hour.hour}
    return tuple(parts[name] for name in names)


def _pattern(template: str) -> re.Pattern[str]:
    """A pattern for keys that begin with `template`; a number seen twice must be the same twice.

    Minutes and seconds only have to be digits: a partition is an hour.
    """
    seen: set[str] = set()
    parts, at = [], 0
    for match in _DIRECTIVE.finditer(template):
        parts += [re.escape(template[at : match.start()]), _group(match.group(1), seen)]
        at = match.end()
    return re.compile("".join([*parts, re.escape(template[at:]), "" if template.endswith("/") else "(?![0-9])"]))


def _group(name: str, seen: set[str]) -> str:
    if name == "%":
        return "%"
    if name not in _NEEDED:
        return f"[0-9]{{{_DIGITS[name]}}}"
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>[0-9]{{{_DIGITS[name]}}})"
