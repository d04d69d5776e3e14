"""Where a source's finished objects go: into its folder by a rename, or into its bucket by an upload.

Belongs here: the two ways of finishing a segment, and the object's key. When a segment is finished is decided
by its lane. Both ways can be repeated: a key is made from the segment's name alone.
"""

from pathlib import Path
from typing import Protocol

from llmops_assets.intake.errors import IntakeError
from llmops_assets.intake.segments import Segment
from llmops_assets.source_settings import AnySource, SourceSettings
from llmops_assets.sources.bucket import Bucket
from llmops_assets.sources.layout import Layout
from llmops_assets.sources.local import LocalFolder
from llmops_assets.sources.stores import store_of

HIDDEN = ".intake"
DEFAULT_LAYOUT = "%Y-%m-%d/%H/"


class Destination(Protocol):
    """A source's folder or bucket. `spool` is the folder of its open segments."""

    spool: Path
    is_remote: bool

    def finish(self, segment: Segment) -> None:
        """Make the segment an object of the source. Raises `OSError`, `SourceError`."""
        ...


class LocalDestination:
    """A folder: open segments are in a hidden folder below it, so that a rename makes them objects."""

    is_remote = False

    def __init__(self, source: SourceSettings, folder: LocalFolder) -> None:
        self._root = Path(folder.folder)
        self._layout = _layout(source)
        self.spool = self._root / HIDDEN

    def finish(self, segment: Segment) -> None:
        """Rename the segment."""
        segment.move(self._root / _key(self._layout, segment))


class BucketDestination:
    """A bucket: open segments are in a local folder and removed once they are uploaded."""

    is_remote = True

    def __init__(self, source: SourceSettings, bucket: Bucket, spool: Path) -> None:
        self._bucket = bucket
        self._layout = _layout(source)
        self.spool = spool / source.name

    def finish(self, segment: Segment) -> None:
        """Upload the segment. A second upload of it writes the same bytes under the same key."""
        self._bucket.put(self._bucket.root + _key(self._layout, segment), segment.path)
        segment.remove()


def destination_of(source: AnySource, spool: Path) -> Destination:
    """Where the objects of `source` go; those of a bucket wait below `spool`.

    Raises:
        IntakeError: events cannot be written to a source of this kind.
        SourceError: its layout is none, or its keys are missing.
    """
    if not isinstance(source, SourceSettings):
        raise IntakeError(f"source {source.name} is of kind {source.kind}: events are stored in a folder or a bucket")
    store = store_of(source)
    if isinstance(store, Bucket):
        return BucketDestination(source, store, spool)
    assert isinstance(store, LocalFolder)  # noqa: S101 - for the type checker: there is no third kind
    return LocalDestination(source, store)


def _layout(source: SourceSettings) -> str:
    return Layout.parse(source.layout or DEFAULT_LAYOUT, source.name).template


def _key(layout: str, segment: Segment) -> str:
    """The hour's prefix and a name that no other process gives."""
    prefix = segment.started.strftime(layout)
    return f"{prefix}{'' if prefix.endswith('/') else '-'}events-{segment.name}.ndjson"
