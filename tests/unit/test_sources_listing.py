"""Listing gives each object one arrival hour, and looks only where a window can be."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import ObjectRef, SourceError, list_objects, store_of
from llmops_assets.sources.local import LocalFolder
from llmops_assets.windows import Window

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODIFIED = datetime(2026, 11, 21, 7, 30, 15, 250_000, tzinfo=UTC)


def put(folder: Path, key: str, content: bytes = b"{}\n", at: datetime = MODIFIED) -> Path:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(0, int(at.timestamp() * 1000) * 10**6))
    return path


def source(folder: Path, layout: str | None = None) -> SourceSettings:
    return SourceSettings(name="calls", uri=str(folder), layout=layout)


def listed(
    folder: Path, layout: str | None = None, window: Window | None = None, known: dict[str, datetime] | None = None
) -> dict[str, ObjectRef]:
    one = source(folder, layout)
    return {ref.key: ref for ref in list_objects(one, store_of(one), window, known or {})}


def test_without_a_layout_an_object_belongs_to_its_last_modified_hour(tmp_path: Path) -> None:
    path = put(tmp_path, "2026-11-20/15/a.json", b"12345")
    ref = listed(tmp_path)["2026-11-20/15/a.json"]
    assert ref.arrival_hour == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert ref.last_modified == MODIFIED
    assert ref.size == 5
    assert ref.uri == f"file://{tmp_path}/2026-11-20/15/a.json"
    assert ref.version == f"{path.stat().st_mtime_ns}-5-{path.stat().st_ino}"


def test_with_a_layout_the_prefix_decides_and_strays_go_by_last_modified(tmp_path: Path) -> None:
    put(tmp_path, "2026-11-20/15/a.json")
    put(tmp_path, "stray.json")
    refs = listed(tmp_path, "%Y-%m-%d/%H/")
    assert refs["2026-11-20/15/a.json"].arrival_hour == AT
    assert refs["stray.json"].arrival_hour == datetime(2026, 11, 21, 7, tzinfo=UTC)


def test_a_key_keeps_the_hour_that_it_is_known_by(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    known = {f"file://{tmp_path}/a.json": AT}
    assert listed(tmp_path, known=known)["a.json"].arrival_hour == AT
    assert list(listed(tmp_path, window=Window(AT, AT + HOUR), known=known)) == ["a.json"]


def test_a_window_holds_its_first_hour_and_not_its_last(tmp_path: Path) -> None:
    for hour in (14, 15, 16, 17):
        put(tmp_path, f"2026-11-20/{hour}/a.json")
    found = listed(tmp_path, "%Y-%m-%d/%H/", Window(AT, AT + 2 * HOUR))
    assert sorted(found) == ["2026-11-20/15/a.json", "2026-11-20/16/a.json"]


def test_strays_of_the_window_are_found_wherever_they_lie(tmp_path: Path) -> None:
    for key in ("top.json", "2026-11-20/no-hour.json", "odd/2026-11-20/deep.json", "2026-13-01/15/x.json"):
        put(tmp_path, key, at=AT + timedelta(minutes=59))
    put(tmp_path, "odd/later.json", at=AT + HOUR)
    found = listed(tmp_path, "%Y-%m-%d/%H/", Window(AT, AT + HOUR))
    assert sorted(found) == ["2026-11-20/no-hour.json", "2026-13-01/15/x.json", "odd/2026-11-20/deep.json", "top.json"]


def test_folders_outside_the_window_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("2025/11/20/15/a.json", "2026/10/20/15/a.json", "2026/11/20/15/a.json", "2026/11/20/16/a.json"):
        put(tmp_path, key)
    opened = []
    level = LocalFolder.level
    monkeypatch.setattr(LocalFolder, "level", lambda self, prefix: opened.append(prefix) or level(self, prefix))
    found = listed(tmp_path, "%Y/%m/%d/%H/", Window(AT, AT + HOUR))
    assert list(found) == ["2026/11/20/15/a.json"]
    assert opened == ["", "2026/", "2026/11/", "2026/11/20/", "2026/11/20/15/"]


def test_a_key_first_seen_under_another_layout_is_found_in_its_first_hour(tmp_path: Path) -> None:
    put(tmp_path, "2026-11-18/03/a.json")
    known = {f"file://{tmp_path}/2026-11-18/03/a.json": AT}
    found = listed(tmp_path, "%Y-%m-%d/%H/", Window(AT, AT + HOUR), known)
    assert list(found) == ["2026-11-18/03/a.json"]


def test_unfinished_and_hidden_files_are_no_objects(tmp_path: Path) -> None:
    for key in ("_SUCCESS", ".hidden", "a.json.tmp", "b.tmp", "_x/kept.json", "tmp"):
        put(tmp_path, key)
    assert sorted(listed(tmp_path)) == ["_x/kept.json", "tmp"]


def test_keys_are_taken_verbatim(tmp_path: Path) -> None:
    keys = ["a b & c=d%20.json", 'it\'s "quoted".json', "ünï/日本.json", "%41.json", "#h?x;.json", "back\\slash.json"]
    for key in keys:
        put(tmp_path, key)
    assert {ref.uri for ref in listed(tmp_path).values()} == {f"file://{tmp_path}/{key}" for key in keys}


def test_a_name_that_is_not_utf8_can_still_be_listed(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.json").write_bytes(b"{}")
    (ref,) = listed(tmp_path).values()
    assert ref.uri == f"file://{tmp_path}/caf\\udce9.json"


def test_another_file_of_the_same_size_and_time_is_another_version(tmp_path: Path) -> None:
    put(tmp_path, "a.json", b"1")
    first = listed(tmp_path)["a.json"].version
    put(tmp_path, "b.json", b"2").replace(tmp_path / "a.json")
    assert listed(tmp_path)["a.json"].version != first


def test_a_link_is_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, "outside/a.json")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "nowhere").symlink_to(tmp_path / "gone")
    assert list(listed(tmp_path / "in")) == ["link/a.json"]


def test_a_folder_that_does_not_exist_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"source calls: the folder {tmp_path}/none does not exist; create it"):
        listed(tmp_path / "none")


def test_a_uri_that_is_a_file_is_refused_with_the_cure(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    with pytest.raises(SourceError, match="is a file; set uri to the folder"):
        listed(tmp_path / "a.json")


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "{}", "{}/"])
def test_a_folder_may_be_written_as_uri_or_path(tmp_path: Path, form: str) -> None:
    put(tmp_path, "a.json")
    one = SourceSettings(name="calls", uri=form.format(tmp_path))
    assert [ref.uri for ref in list_objects(one, store_of(one), None, {})] == [f"file://{tmp_path}/a.json"]


def test_an_escaped_file_uri_is_unescaped_where_only_that_exists(tmp_path: Path) -> None:
    put(tmp_path / "my calls", "a.json")
    one = SourceSettings(name="calls", uri=(tmp_path / "my calls").as_uri())
    assert [ref.uri for ref in list_objects(one, store_of(one), None, {})] == [f"file://{tmp_path}/my calls/a.json"]


def test_an_incomplete_layout_is_refused_when_listing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks %H"):
        listed(tmp_path, "%Y-%m-%d/")


def test_bodies_and_marks_beside_bedrocks_log_are_not_looked_at(tmp_path: Path) -> None:
    hour = "AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/11/20/15/"
    put(tmp_path, hour + "20261120T151501Z_9f2a.json.gz")
    put(tmp_path, hour + "data/5f2e6a34_input.json.gz")
    put(tmp_path, hour + "data/5f2e6a34_image_0.png")
    put(tmp_path, hour + "amazon-bedrock-logs-permission-check")
    put(tmp_path, "copied/data/5f2e6a34_output.json")
    put(tmp_path, "data/calls.json")
    put(tmp_path, "data/bedrock/calls_input.csv")
    assert sorted(listed(tmp_path)) == [
        hour + "20261120T151501Z_9f2a.json.gz", "data/bedrock/calls_input.csv", "data/calls.json",
    ]  # fmt: skip
