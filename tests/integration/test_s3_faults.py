"""A real S3 server on its bad days, which a proxy makes: what is left out, and what is asked for again."""

import subprocess
from pathlib import Path

import pytest
from faulty_proxy import RESET, STALL, TRUNCATE
from intake_site import LATER, PREFIX, Site
from s3_server import READ
from s3_site import Remote, of_object
from states import LLMOPS, lake_of, with_home

from llmops_assets.lake import Lake
from llmops_assets.sources import SourceError, ahead
from llmops_assets.sources import bucket as bucket_module
from llmops_assets.warehouse.quality import write_quality

pytestmark = pytest.mark.integration


def test_a_wrong_secret_stops_the_listing_with_the_cure_and_no_secret(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READER_SECRET", "not-the-secret")
    with pytest.raises(SourceError, match=r"cannot list .*check endpoint, region and that the keys may list") as raised:
        remote.site.refresh()
    assert remote.user.access not in str(raised.value)
    assert "not-the-secret" not in str(raised.value)


def test_a_user_who_may_list_but_not_read_is_told_so_object_by_object(remote: Remote) -> None:
    remote.put("a", "a1")
    remote.server.allow(remote.bucket, remote.user, ["s3:ListBucket"])
    report = remote.site.refresh()
    assert list(report.failures) == [remote.uri("a")]
    assert "403" in report.failures[remote.uri("a")] or "AccessDenied" in report.failures[remote.uri("a")]
    assert remote.user.access not in str(report.failures)
    remote.server.allow(remote.bucket, remote.user, READ)
    assert remote.site.refresh().outcomes == {"accepted": 1}


@pytest.mark.parametrize("fault", [503, 500, RESET, TRUNCATE], ids=["503", "500", "reset", "truncation"])
def test_a_passing_fault_is_asked_for_again(remote: Remote, fault: str | int) -> None:
    remote.put("a", *(f"a{number}" for number in range(500)))
    remote.put("b", "b1")
    remote.proxy.fault = of_object("a", fault, fault, None)  # type: ignore[arg-type]
    report = remote.site.refresh()
    assert (report.outcomes, report.failures) == ({"accepted": 501}, {})
    assert remote.proxy.count("GET", f"{PREFIX}/a") >= 3


@pytest.mark.parametrize("fault", [503, RESET], ids=["503", "reset"])
def test_a_listing_that_meets_a_passing_fault_is_asked_for_again(remote: Remote, fault: str | int) -> None:
    remote.put("a", "a1")
    left = [fault, fault]
    remote.proxy.fault = lambda method, path: left.pop() if left and "list-type=2" in path else None
    assert remote.site.refresh().outcomes == {"accepted": 1}
    assert not left


@pytest.mark.parametrize("fault", [503, 403], ids=["503", "403"])
def test_a_lasting_fault_of_one_object_leaves_the_others_and_is_tried_again(remote: Remote, fault: str | int) -> None:
    remote.put("a", "a1")
    remote.put("b", "b1")
    remote.put("c", "c1")
    remote.proxy.fault = of_object("b", fault, fault)
    report = remote.site.refresh()
    assert list(report.failures) == [remote.uri("b")]
    assert remote.site.ids() == ["a1", "c1"]
    assert remote.site.ledger()[1][:2] == ("b", 0)
    assert remote.site.ledger()[1][2].startswith("cannot be read: ")
    assert remote.site.is_due()
    remote.proxy.fault = lambda method, path: None
    assert remote.site.refresh().outcomes == {"accepted": 1}
    assert remote.site.ids() == ["a1", "b1", "c1"]


def test_an_object_that_comes_too_slowly_is_given_up(remote: Remote) -> None:
    remote.set(timeout_seconds=0.8)
    remote.proxy.stall_s = 1.6
    remote.put("a", *(f"a{number}" for number in range(50)))
    remote.put("b", "b1")
    remote.proxy.fault = of_object("a", STALL, STALL)
    report = remote.site.refresh()
    assert list(report.failures) == [remote.uri("a")]
    assert remote.site.ids() == ["b1"]


def test_an_object_overwritten_between_listing_and_reading_is_read_as_it_is_now(remote: Remote) -> None:
    remote.put("a", "old1", "old2")

    def overwrite(method: str, path: str) -> None:
        if method == "GET" and path.endswith("/a") and remote.proxy.count("GET", "/a") == 1:
            remote.put("a", "new")

    remote.proxy.fault = overwrite
    assert remote.site.refresh().failures == {}
    assert remote.site.ids() == ["new"]
    assert not remote.site.is_due()


def test_an_object_deleted_between_listing_and_reading_is_entered_as_such(remote: Remote) -> None:
    remote.put("a", "a1")
    remote.put("b", "b1")

    def delete(method: str, path: str) -> None:
        if method == "GET" and path.endswith("/a"):
            remote.client.delete_object(Bucket=remote.bucket, Key=f"in/{PREFIX}/a")

    remote.proxy.fault = delete
    assert remote.site.refresh().failures == {remote.uri("a"): "deleted before it was read"}
    remote.site.refresh()
    assert remote.site.ledger() == [("a", 0, "deleted before it was read", LATER), ("b", 1, None, None)]
    assert not remote.site.is_due()


@pytest.fixture
def by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are read in many small ranges."""
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 1000)
    monkeypatch.setattr(ahead, "SMALL_BYTES", 0)


@pytest.mark.usefixtures("by_ranges")
@pytest.mark.parametrize("has_versions", [True, False], ids=["with versions", "without versions"])
def test_an_object_overwritten_while_it_is_read_is_never_mixed(remote: Remote, has_versions: bool) -> None:
    if has_versions:
        remote.keep_versions()
    old = [f"old-{number:04}" for number in range(200)]
    remote.put("a", *old)

    done: list[str] = []

    def overwrite(method: str, path: str) -> None:
        if method == "GET" and "/a" in path and remote.proxy.count("GET", "/a") >= 6 and not done:
            done.append(path)
            remote.put("a", "new")

    remote.proxy.fault = overwrite
    report = remote.site.refresh()
    assert report.failures == {}
    # With versions, what was listed is read to its end; without, all of it is read again.
    assert remote.site.ids() == (old if has_versions else ["new"])
    assert remote.site.is_due() is has_versions
    remote.site.refresh()
    assert remote.site.ids() == ["new"]


CONFIG = """
[reports]
enabled = false
[quality]
enabled = false
[[source]]
name = "calls"
uri = "{uri}"
layout = "%Y-%m-%d/%H/"
endpoint = "{endpoint}"
access_key_id_env = "READER_KEY"
secret_access_key_env = "READER_SECRET"
"""


def complete_hours(lake: Lake) -> list[str]:
    """Hours of the request log to which nothing is missing."""
    with lake.reader(["data_quality_windows"]) as connection:
        rows = connection.execute(
            "select strftime(window_start, '%H') from lake.data_quality_windows "
            "where is_complete and table_name = 'llm_requests'"
        ).fetchall()
    return [hour for (hour,) in rows]


def test_sync_names_what_could_not_be_read_and_its_hour_is_not_complete(remote: Remote, tmp_path: Path) -> None:
    remote.put("a", "a1")
    remote.put("b", "b1")
    file, home = tmp_path / "llmops.toml", tmp_path / "home"
    file.write_text(CONFIG.format(uri=remote.site.source.uri, endpoint=remote.proxy.endpoint), encoding="utf-8")
    remote.proxy.fault = of_object("b", 403, 403)
    done = subprocess.run([LLMOPS, "sync"], env=with_home(file, home), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"read {remote.uri('b')}: cannot be read: " in done.stderr
    assert "not all published" in done.stderr
    assert remote.proxy.count("GET", f"{PREFIX}/b") == 1, "one try is enough for one catch-up"
    site = Site(lake_of(file, home), home, remote.site.source)
    with site.lake.reader(["llm_requests"]) as connection:
        assert connection.execute("select event_id from lake.llm_requests").fetchall() == [("a1",)]
    assert complete_hours(site.lake) == []
    remote.proxy.fault = lambda method, path: None
    site.refresh()
    write_quality(site.lake, site.settings)
    assert complete_hours(site.lake) == ["10"]
