"""A real S3 server, with users that are not its root, and a proxy that makes its bad days: what is taken in of it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from faulty_proxy import RESET, STALL, TRUNCATE, Fault, Proxy, in_front_of
from intake_site import LATER, PREFIX, TEN, Site, calls
from s3_server import READ, S3Server, User
from states import LLMOPS, lake_of, with_home

from llmops_assets.lake import Lake
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import SourceError, ahead
from llmops_assets.sources import bucket as bucket_module
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.warehouse.quality import write_quality
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration


@dataclass
class Remote:
    """A bucket behind a proxy, written by the root and read by a user who may only read."""

    server: S3Server
    proxy: Proxy
    bucket: str
    client: Any
    user: User
    site: Site

    def put(self, name: str, *ids: str, filler: int = 0, prefix: str = PREFIX) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"in/{prefix}/{name}", Body=calls(*ids, filler=filler))

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/in/{PREFIX}/{name}"

    def set(self, **settings: Any) -> None:
        """Change the source."""
        self.site.source = self.site.source.model_copy(update=settings)


@pytest.fixture(scope="module")
def reader(s3_server: S3Server) -> User:
    return s3_server.create_user()


@pytest.fixture
def remote(
    s3_server: S3Server, reader: User, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    monkeypatch.setenv("READER_KEY", reader.access)
    monkeypatch.setenv("READER_SECRET", reader.secret)
    client, bucket = s3_server.client(), f"bucket-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    s3_server.allow(bucket, reader, READ)
    with in_front_of(s3_server.endpoint) as proxy:
        source = SourceSettings(
            name="calls",
            uri=f"s3://{bucket}/in",
            layout="%Y-%m-%d/%H/",
            endpoint=proxy.endpoint,
            access_key_id_env="READER_KEY",
            secret_access_key_env="READER_SECRET",
        )
        yield Remote(s3_server, proxy, bucket, client, reader, Site(lake, tmp_path, source))
    client.close()


def of_object(name: str, *faults: str | int) -> Fault:
    """A fault for each read of the object in turn; the last one for ever, if it is given twice."""
    left = list(faults)
    lasts = faults[-1] if len(faults) > 1 and faults[-1] == faults[-2] else None

    def fault(method: str, path: str) -> str | int | None:
        if method != "GET" or not path.partition("?")[0].endswith(f"/{name}"):
            return None
        return left.pop(0) if left else lasts

    return fault


def test_a_user_who_may_only_read_is_enough(remote: Remote) -> None:
    remote.put("a", "a1", "a2")
    remote.put("b & c=d%20+é", "b1")
    report = remote.site.refresh()
    assert (report.objects, report.outcomes, report.failures) == (2, {"accepted": 3}, {})
    assert remote.site.ids() == ["a1", "a2", "b1"]
    assert not remote.site.is_due()


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


@pytest.mark.parametrize("fault", [503, TRUNCATE, 403], ids=["503", "truncation", "403"])
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
    remote.set(timeout_seconds=0.4)
    remote.proxy.stall_s = 1.0
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


def test_the_same_key_written_again_replaces_its_rows(remote: Remote) -> None:
    remote.put("a", "first", "second")
    remote.put("b", "b1")
    remote.site.refresh()
    remote.put("a", "third")
    assert remote.site.is_due()
    remote.site.refresh()
    assert remote.site.ids() == ["b1", "third"]
    assert not remote.site.is_due()


def versioned(remote: Remote) -> None:
    remote.client.put_bucket_versioning(Bucket=remote.bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture
def by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are read in many small ranges."""
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 1000)
    monkeypatch.setattr(ahead, "SMALL_BYTES", 0)


@pytest.mark.usefixtures("by_ranges")
@pytest.mark.parametrize("has_versions", [True, False], ids=["with versions", "without versions"])
def test_an_object_overwritten_while_it_is_read_is_never_mixed(remote: Remote, has_versions: bool) -> None:
    if has_versions:
        versioned(remote)
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


def test_an_object_under_a_delete_marker_keeps_its_rows_flagged(remote: Remote) -> None:
    versioned(remote)
    remote.put("a", "a1")
    remote.put("b", "b1")
    remote.site.refresh()
    remote.client.delete_object(Bucket=remote.bucket, Key=f"in/{PREFIX}/a")
    assert remote.site.is_due()
    remote.site.refresh()
    assert remote.site.ids() == ["a1", "b1"]
    assert remote.site.ledger() == [("a", 1, None, LATER), ("b", 1, None, None)]
    assert not remote.site.is_due()


def test_an_object_that_turns_up_late_is_found_whatever_its_time_and_key(remote: Remote) -> None:
    for name in ("m", "z"):
        remote.put(name, name)
    for name in ("m", "z"):
        remote.server.modified(remote.bucket, f"in/{PREFIX}/{name}", TEN.timestamp())
    remote.site.refresh()
    assert not remote.site.is_due()
    remote.put("a", "late")  # a smaller key, of the very second of the others
    remote.server.modified(remote.bucket, f"in/{PREFIX}/a", TEN.timestamp())
    assert remote.site.is_due()
    remote.put("b", "older")  # and one from before them
    remote.server.modified(remote.bucket, f"in/{PREFIX}/b", TEN.timestamp() - 7200)
    remote.site.refresh()
    assert remote.site.ids() == ["late", "m", "older", "z"]
    remote.put("x", "yesterday", prefix="2026-10-31/09")
    assert not [hour for hour in remote.site.due(since=TEN - 4 * HOUR) if hour < TEN], "beyond the look-back"
    assert min(remote.site.due()) == TEN - 25 * HOUR, "but not beyond a look at everything"


def test_three_thousand_objects_are_taken_in_once_each(remote: Remote) -> None:
    remote.server.put_many(remote.bucket, {f"in/{PREFIX}/{at:04}": calls(f"call-{at:04}") for at in range(3000)})
    remote.set(endpoint=remote.server.endpoint)
    report = remote.site.refresh()
    assert (report.objects, report.outcomes, report.failures) == (3000, {"accepted": 3000}, {})
    (found,) = remote.site.rows(
        f"select count(*), count(distinct uri), (select count(*) from lake.{LEDGER}) from lake.{RAW}"
    )
    assert found == (3000, 3000, 3000)
    assert not remote.site.is_due()


def test_the_same_bytes_under_two_keys_are_two_objects(remote: Remote) -> None:
    remote.put("a", "same")
    remote.put("b", "same")
    remote.site.refresh()
    assert remote.site.ids() == ["same", "same"]


def test_an_object_uploaded_in_parts_is_taken_in_once_and_again_only_if_it_is_uploaded_again(remote: Remote) -> None:
    body = calls(*(f"a{number}" for number in range(300)), filler=20_000)

    def upload(parts: list[bytes]) -> None:
        where = {"Bucket": remote.bucket, "Key": f"in/{PREFIX}/a"}
        upload_id = remote.client.create_multipart_upload(**where)["UploadId"]
        done = []
        for at, part in enumerate(parts, 1):
            answer = remote.client.upload_part(**where, UploadId=upload_id, PartNumber=at, Body=part)
            done.append({"ETag": answer["ETag"], "PartNumber": at})
        remote.client.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": done})

    upload([body])
    assert remote.site.refresh().outcomes == {"accepted": 300}
    (version,) = remote.site.rows(f"select distinct version from lake.{RAW}")[0]
    assert version.endswith("-1"), "no hash of the content"
    upload([body[: 5 * 2**20], body[5 * 2**20 :]])  # the same bytes, another ETag
    assert remote.site.refresh().outcomes == {"accepted": 300}
    assert remote.site.rows(f"select count(*), count(distinct event_id) from lake.{RAW}") == [(300, 300)]


def test_a_look_at_all_hours_and_a_refresh_of_many_agree(remote: Remote) -> None:
    remote.put("a", "a1")
    remote.put("b", "b1", prefix="2026-11-01/11")
    assert remote.site.due() == [TEN, TEN + HOUR, TEN + 2 * HOUR]
    remote.site.refresh(Window(TEN, TEN + 2 * HOUR))
    assert remote.site.ids() == ["a1", "b1"]
    assert remote.site.due() == [TEN + 2 * HOUR]  # which had nothing


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
