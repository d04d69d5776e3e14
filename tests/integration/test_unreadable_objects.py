"""Objects that fail while they are read: the rest of their hour goes on, nothing of them is half counted."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from intake_site import LATER, PREFIX, TEN, Site, calls

from llmops_assets.ingest import unread_objects
from llmops_assets.lake import Lake
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import ObjectGone, ObjectRef, ObjectUnreadable, local
from llmops_assets.sources.local import LocalFolder
from llmops_assets.tables import RAW
from llmops_assets.warehouse.due import complete_days
from llmops_assets.windows import HOUR, Window, day_of

pytestmark = pytest.mark.integration


def put(site: Site, name: str, *ids: str, filler: int = 0) -> Path:
    path = site.home / "in" / PREFIX / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(calls(*ids, filler=filler))
    os.utime(path, (TEN.timestamp(), TEN.timestamp()))
    return path


def uri(site: Site, name: str) -> str:
    return f"file://{site.home}/in/{PREFIX}/{name}"


@pytest.fixture
def site(lake: Lake, tmp_path: Path) -> Site:
    (tmp_path / "in").mkdir()
    return Site(lake, tmp_path, SourceSettings(name="calls", uri=str(tmp_path / "in"), layout="%Y-%m-%d/%H/"))


Stream = Callable[[LocalFolder, ObjectRef], Iterator[bytes]]


def failing(monkeypatch: pytest.MonkeyPatch, name: str, after: int, error: Callable[[str], Exception]) -> None:
    """Make the object of this name fail after some chunks of 100 kB."""
    plain: Stream = LocalFolder.stream
    monkeypatch.setattr(local, "CHUNK_BYTES", 100_000)

    def stream(self: LocalFolder, ref: ObjectRef) -> Iterator[bytes]:
        for number, chunk in enumerate(plain(self, ref)):
            if ref.key.endswith(name) and number == after:
                raise error(ref.uri)
            yield chunk

    monkeypatch.setattr(LocalFolder, "stream", stream)


def refused(uri: str) -> Exception:
    return ObjectUnreadable("calls", uri, "403 Forbidden")


def test_an_object_that_fails_midway_leaves_no_row_and_the_others_are_taken_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "a", "a1", "a2")
    put(site, "b", *(f"b{number}" for number in range(3000)), filler=1000)  # 3 MB: two batches are decoded before
    put(site, "c", "c1")
    with monkeypatch.context() as patch:
        failing(patch, "/b", 25, refused)
        report = site.refresh()
    assert report.failures == {uri(site, "b"): "cannot be read: 403 Forbidden"}
    assert report.failed_hours == [TEN]
    assert report.outcomes == {"accepted": 3}
    assert site.ids() == ["a1", "a2", "c1"]
    assert site.ledger() == [
        ("a", 2, None, None),
        ("b", 0, "cannot be read: 403 Forbidden", None),
        ("c", 1, None, None),
    ]


def test_an_hour_with_an_unread_object_is_due_until_it_could_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "a", "a1")
    put(site, "b", "b1")
    with monkeypatch.context() as patch:
        failing(patch, "/b", 0, refused)
        site.refresh()
        assert site.is_due()
        assert site.is_due(since=TEN)
        again = site.refresh()
    assert again.outcomes == {}, "what was read is not read again"
    assert unread_objects(site.lake, ["calls"]) == {uri(site, "b"): "cannot be read: 403 Forbidden"}
    assert unread_objects(site.lake, ["calls"], TEN + HOUR) == {}
    assert unread_objects(site.lake, ["others"]) == {}
    assert site.refresh().outcomes == {"accepted": 1}
    assert not site.is_due()
    assert site.ids() == ["a1", "b1"]
    assert site.ledger() == [("a", 1, None, None), ("b", 1, None, None)]
    assert unread_objects(site.lake, ["calls"]) == {}


def test_a_new_version_that_cannot_be_read_leaves_the_rows_of_the_old_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "a", "old")
    site.refresh()
    put(site, "a", "new", "newer")
    with monkeypatch.context() as patch:
        failing(patch, "/a", 0, refused)
        site.refresh()
    assert site.ids() == ["old"]
    assert site.ledger() == [("a", 0, "cannot be read: 403 Forbidden", None), ("a", 1, None, None)]
    site.refresh()
    assert site.ids() == ["new", "newer"]
    assert site.ledger() == [("a", 2, None, None)]


def test_an_object_that_changes_while_it_is_read_is_read_as_it_is_now(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(site, "a", "a1", "a2")
    plain: Stream = LocalFolder.stream
    reads: list[str] = []

    def stream(self: LocalFolder, ref: ObjectRef) -> Iterator[bytes]:
        for chunk in plain(self, ref):
            yield chunk
            if not reads:  # a writer that was not done
                path.write_bytes(calls("a3"))
            reads.append(ref.version)

    monkeypatch.setattr(LocalFolder, "stream", stream)
    report = site.refresh()
    assert (report.failures, report.outcomes) == ({}, {"accepted": 1})
    assert len(set(reads)) == 2
    assert site.ids() == ["a3"]
    assert site.rows(f"select version from lake.{RAW}") == [(reads[-1],)]
    assert not site.is_due()


def test_an_object_that_never_holds_still_is_left_for_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(site, "a", "a1")
    put(site, "b", "b1")
    plain: Stream = LocalFolder.stream

    def stream(self: LocalFolder, ref: ObjectRef) -> Iterator[bytes]:
        if ref.key.endswith("/a"):
            path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        yield from plain(self, ref)

    monkeypatch.setattr("llmops_assets.ingest.intake.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(LocalFolder, "stream", stream)
    assert site.refresh().failures == {uri(site, "a"): "changed while it was read"}
    assert site.ids() == ["b1"]
    assert site.is_due()


def test_an_object_that_disappears_before_it_is_read_is_kept_in_mind_and_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(site, "a", "a1")
    put(site, "b", "b1")
    with monkeypatch.context() as patch:
        failing(patch, "/a", 0, ObjectGone)
        site.refresh()
    assert site.ledger() == [("a", 0, "deleted before it was read", None), ("b", 1, None, None)]
    path.unlink()
    assert site.is_due()
    site.refresh()
    assert site.ledger() == [("a", 0, "deleted before it was read", LATER), ("b", 1, None, None)]
    assert not site.is_due()
    put(site, "a", "back")
    site.refresh()
    assert site.ledger() == [("a", 1, None, None), ("b", 1, None, None)]


def test_a_deleted_object_keeps_its_rows_flagged_until_it_comes_back(site: Site) -> None:
    path, empty = put(site, "a", "a1"), put(site, "empty")
    site.refresh()
    content, times = path.read_bytes(), path.stat()
    path.rename(site.home / "aside")
    empty.unlink()
    assert site.is_due()
    site.refresh()
    assert site.ids() == ["a1"]
    assert site.ledger() == [("a", 1, None, LATER), ("empty", 0, None, LATER)]
    assert not site.is_due()
    site.now = LATER + timedelta(minutes=30)
    put(site, "c", "c1")
    site.refresh()
    assert site.ledger()[0] == ("a", 1, None, LATER), "since when does not move"
    (site.home / "aside").rename(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, times.st_mtime_ns)
    assert site.is_due()
    assert site.refresh().outcomes == {}, "the same version is not read again"
    assert site.ledger()[0] == ("a", 1, None, None)


def test_objects_of_another_uri_are_not_taken_for_deleted(site: Site) -> None:
    put(site, "a", "a1")
    site.refresh()
    (site.home / "moved").mkdir()
    site.source = site.source.model_copy(update={"uri": str(site.home / "moved")})
    site.refresh()
    assert site.ledger() == [("a", 1, None, None)]


def test_a_day_that_lacks_an_object_is_not_complete_even_if_it_was_the_first_of_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "a").write_text("no record of a call\n", encoding="utf-8")
    site.now = TEN + timedelta(days=3)
    until_the_delay_has_passed = Window(TEN, TEN + 15 * HOUR)
    with monkeypatch.context() as patch:
        failing(patch, "/a", 0, refused)
        site.refresh(until_the_delay_has_passed)
    assert complete_days(site.lake, site.settings) == set()
    site.refresh(until_the_delay_has_passed)
    assert complete_days(site.lake, site.settings) == {day_of(TEN)}
