"""Objects that files name, beside those that a listing finds: taken in once, whoever was first to tell of them."""

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from intake_site import LATER, TEN, Site, calls

from llmops_assets.lake import Lake
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import ObjectUnreadable, SourceError
from llmops_assets.sources.local import LocalFolder
from llmops_assets.windows import HOUR

pytestmark = pytest.mark.integration

OLD = "2026-10-29/03"  # four days before what the tests take for now


@pytest.fixture
def site(lake: Lake, tmp_path: Path) -> Site:
    for name in ("in", "named"):
        (tmp_path / name).mkdir()
    return Site(lake, tmp_path, source(tmp_path))


def source(folder: Path, **settings: str) -> SourceSettings:
    defaults = {"uri": str(folder / "in"), "manifest": str(folder / "named"), "layout": "%Y-%m-%d/%H/"}
    return SourceSettings.model_validate({"name": "calls", **defaults, **settings})


def put(site: Site, key: str, *ids: str) -> None:
    write(site.home / "in" / key, calls(*ids), TEN)


def name(site: Site, file: str, *keys: str, at: datetime = LATER) -> None:
    write(site.home / "named" / file, "".join(f"{key}\n" for key in keys).encode(), at)


def write(path: Path, content: bytes, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))


def test_an_object_that_both_tell_of_is_taken_in_once(site: Site) -> None:
    put(site, "2026-11-01/10/a", "a1")
    name(site, "1.txt", "2026-11-01/10/a", "2026-11-01/10/a")
    name(site, "2.txt", "2026-11-01/10/a")
    site.refresh()
    assert site.ids() == ["a1"]
    assert not site.is_due()
    put(site, "2026-11-01/10/a", "a2", "a3")
    site.refresh()
    assert site.ids() == ["a2", "a3"]


def test_only_named_objects_are_taken_in_where_nothing_is_listed(site: Site) -> None:
    site.source = source(site.home, listing="manifest")
    for key in ("a", "b", "c"):
        put(site, f"2026-11-01/10/{key}", key)
    name(site, "1.txt", "2026-11-01/10/a", "2026-11-01/10/not-there", "../outside", "/etc/hostname")
    write(site.home / "named" / "2.json.gz", gzip.compress(b'{"key": "2026-11-01/10/b"}'), LATER)
    assert site.is_due()
    site.refresh()
    assert site.ids() == ["a", "b"]
    assert not site.is_due()
    (site.home / "in/2026-11-01/10/a").unlink()
    assert not site.is_due()
    site.refresh()
    assert [row[3] for row in site.ledger()] == [None, None], "what is not listed cannot be missed"


def test_a_named_object_under_an_old_prefix_is_found_by_a_quick_look(site: Site) -> None:
    put(site, "2026-11-01/10/a", "a1")
    site.refresh()
    put(site, f"{OLD}/late", "late")
    since = TEN - HOUR
    old = datetime(2026, 10, 29, 3, tzinfo=UTC)
    assert old not in site.due(since)
    name(site, "1.txt", f"{OLD}/late")
    assert old in site.due(since)
    name(site, "1.txt", f"{OLD}/late", at=since - timedelta(days=2))
    assert old not in site.due(since), "files are not read for ever"
    assert old in site.due(), "but by a look at everything they are"


def test_files_that_name_objects_are_no_objects_themselves(site: Site) -> None:
    site.source = source(site.home, manifest=str(site.home / "in" / "named"))
    put(site, "2026-11-01/10/a", "a1")
    write(site.home / "in/named/1.txt", b"2026-11-01/10/a\n", TEN)
    site.refresh()
    assert site.ids() == ["a1"]
    assert [row[0] for row in site.ledger()] == ["a"]


def test_a_notification_that_names_the_version_that_is_held_costs_no_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "2026-11-01/10/a", "a1")
    site.refresh()
    (version,) = site.rows("select distinct version from lake.raw_llm_events")[0]
    looks: list[str] = []
    monkeypatch.setattr(LocalFolder, "look", lambda self, key: looks.append(key))
    write(site.home / "named/1.json", json.dumps({"key": "2026-11-01/10/a", "etag": version}).encode(), LATER)
    site.due()
    assert looks == []
    write(site.home / "named/1.json", json.dumps({"key": "2026-11-01/10/a", "etag": "newer"}).encode(), LATER)
    site.due()
    assert looks == ["2026-11-01/10/a"]


def test_a_named_object_that_cannot_be_looked_at_is_entered_as_unread(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.source = source(site.home, listing="manifest")
    put(site, "2026-11-01/10/a", "a1")
    name(site, "1.txt", "2026-11-01/10/a")

    def refuse(self: LocalFolder, key: str) -> None:
        raise ObjectUnreadable(self.source, self.uri(key), "403 Forbidden")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "look", refuse)
        assert site.is_due()
        (reason,) = site.refresh().failures.values()
        assert reason == "cannot be read: 403 Forbidden"
    assert site.is_due()
    site.refresh()
    assert site.ids() == ["a1"]
    assert site.ledger() == [("a", 1, None, None)]


def test_a_file_that_is_not_whole_is_an_error_with_the_cure(site: Site) -> None:
    write(site.home / "named" / "1.json.gz", gzip.compress(b'{"key": "a"}' * 100)[:-20], LATER)
    with pytest.raises(SourceError, match=r"1\.json\.gz: .*; write such a file whole, under a name that ends in \.tmp"):
        site.due()
