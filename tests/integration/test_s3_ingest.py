"""A real S3 server, with users that are not its root: what is taken in of it."""

import pytest
from intake_site import LATER, PREFIX, TEN, calls
from s3_site import Remote

from llmops_assets.tables import LEDGER, RAW
from llmops_assets.windows import HOUR, Window

pytestmark = pytest.mark.integration


def test_a_user_who_may_only_read_is_enough(remote: Remote) -> None:
    remote.put("a", "a1", "a2")
    remote.put("b & c=d%20+é", "b1")
    report = remote.site.refresh()
    assert (report.objects, report.outcomes, report.failures) == (2, {"accepted": 3}, {})
    assert remote.site.ids() == ["a1", "a2", "b1"]
    assert not remote.site.is_due()


def test_a_key_with_an_empty_segment_stops_nothing(remote: Remote) -> None:
    remote.put("a", "a1")
    remote.put("/b", "b1")  # which this server takes for one without the empty segment
    report = remote.site.refresh()
    assert (report.objects, report.outcomes, report.failures) == (2, {"accepted": 2}, {})
    assert remote.site.ids() == ["a1", "b1"]
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


def test_an_object_under_a_delete_marker_keeps_its_rows_flagged(remote: Remote) -> None:
    remote.keep_versions()
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
