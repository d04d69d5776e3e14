"""How the events endpoint stores: nothing half, nothing twice, nothing lost that was promised."""

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmops_assets.intake.counters import Counters
from llmops_assets.intake.destinations import destination_of
from llmops_assets.intake.errors import IntakeError, Refused, Unavailable
from llmops_assets.intake.finishing import Closed, Finisher
from llmops_assets.intake.lanes import Lane, utc_now
from llmops_assets.intake.segments import Segment, left_over
from llmops_assets.intake.spool import Spool
from llmops_assets.intake_settings import IntakeSettings
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import SourceError, list_objects, store_of

LAYOUT = "%Y-%m-%d/%H/"
AT = datetime(2026, 11, 20, 15, 59, 30, tzinfo=UTC)


def spool_of(folder: Path, *, now: Callable[[], datetime] = utc_now, layout: str = LAYOUT, **settings: float) -> Spool:
    """A spool with one source, `events`, in `folder`."""
    intake = IntakeSettings.model_validate(settings)
    counters = Counters()
    destination = destination_of(SourceSettings(name="events", uri=str(folder), layout=layout), folder / "unused")
    lane = Lane(destination, Finisher("events", destination, counters), intake, now)
    return Spool({"events": lane}, intake.queue_bytes, counters)


@contextmanager
def running(spool: Spool) -> Iterator[Spool]:
    """The spool at work; stopped in good order afterwards."""
    spool.start()
    try:
        yield spool
    finally:
        spool.stop()


def stored(spool: Spool, data: bytes) -> None:
    """Have one request's events stored, and wait until they are."""
    done = spool.put("events", data, wait=True)
    assert done is not None
    done.result(timeout=10)


def objects(folder: Path, layout: str = LAYOUT) -> dict[str, bytes]:
    """What ingest sees in the folder, by key."""
    source = SourceSettings(name="events", uri=str(folder), layout=layout)
    return {ref.key: (folder / ref.key).read_bytes() for ref in list_objects(source, store_of(source), None, {})}


def eventually(predicate: Callable[[], bool]) -> None:
    """Wait until it is true, ten seconds at most."""
    for _ in range(1000):
        if predicate():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_an_object_appears_whole_under_its_hour_when_it_is_finished(tmp_path: Path) -> None:
    with running(spool_of(tmp_path, now=lambda: AT)) as spool:
        stored(spool, b'{"n":1}\n')
        stored(spool, b'{"n":2}\n')
        assert objects(tmp_path) == {}
    ((key, content),) = objects(tmp_path).items()
    assert key.startswith("2026-11-20/15/events-20261120T155930.000000Z-")
    assert key.endswith(".ndjson")
    assert content == b'{"n":1}\n{"n":2}\n'
    assert list((tmp_path / ".intake").iterdir()) == []


@pytest.mark.parametrize(
    ("layout", "prefix"), [("dt=%Y-%m-%d/hour=%H/", "dt=2026-11-20/hour=15/events-"), ("%Y/%m%d%H", "2026/112015-")]
)
def test_the_layout_of_the_source_is_followed(tmp_path: Path, layout: str, prefix: str) -> None:
    with running(spool_of(tmp_path, now=lambda: AT, layout=layout)) as spool:
        stored(spool, b"{}\n")
    (key,) = objects(tmp_path, layout)
    assert key.startswith(prefix)


def test_an_object_is_finished_when_it_is_large_enough(tmp_path: Path) -> None:
    with running(spool_of(tmp_path, now=lambda: AT, roll_bytes=1024)) as spool:
        stored(spool, b"x" * 1000 + b"\n")
        assert objects(tmp_path) == {}
        stored(spool, b"x" * 22 + b"\n")  # 1001 + 23 are 1024
        eventually(lambda: len(objects(tmp_path)) == 1)


def test_an_object_is_finished_when_it_is_old_enough(tmp_path: Path) -> None:
    with running(spool_of(tmp_path, roll_seconds=0.2)) as spool:
        began = time.monotonic()
        stored(spool, b"{}\n")
        eventually(lambda: len(objects(tmp_path)) == 1)
        assert time.monotonic() - began >= 0.2


def test_no_object_holds_two_hours(tmp_path: Path) -> None:
    times = [AT]
    with running(spool_of(tmp_path, now=lambda: times[-1])) as spool:
        stored(spool, b'{"n":1}\n')
        times.append(datetime(2026, 11, 20, 16, 0, tzinfo=UTC))
        stored(spool, b'{"n":2}\n')
    found = objects(tmp_path)
    assert {key[:14]: content for key, content in found.items()} == {
        "2026-11-20/15/": b'{"n":1}\n',
        "2026-11-20/16/": b'{"n":2}\n',
    }


def test_many_requests_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, syncs, sync = threading.Event(), [], os.fsync

    def slow(descriptor: int) -> None:
        gate.wait(10)
        syncs.append(descriptor)
        sync(descriptor)

    with running(spool_of(tmp_path)) as spool:
        stored(spool, b'{"n":-1}\n')
        monkeypatch.setattr(os, "fsync", slow)
        waiting = [spool.put("events", b'{"n":%d}\n' % n, wait=True) for n in range(50)]
        time.sleep(0.1)
        assert [one for one in waiting if one is None or one.done()] == []
        gate.set()
        assert [one.result(timeout=10) for one in waiting if one is not None] == [None] * 50
        assert 1 <= len(syncs) <= 2  # the first request alone at most, then all others
        monkeypatch.setattr(os, "fsync", sync)
    (content,) = objects(tmp_path).values()
    assert [json.loads(line)["n"] for line in content.splitlines()] == [-1, *range(50)]


def test_the_queue_refuses_what_it_cannot_hold_and_takes_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, sync = threading.Event(), os.fsync
    spool = spool_of(tmp_path, queue_bytes=2**20)
    monkeypatch.setattr(os, "fsync", lambda descriptor: gate.wait(10) and sync(descriptor))
    with running(spool):
        assert spool.put("events", b"x" * 2**19 + b"\n", wait=False) is None
        with pytest.raises(Refused) as raised:
            for _ in range(2):
                spool.put("events", b"x" * 2**19 + b"\n", wait=False)
        assert (raised.value.status, raised.value.retry_after) == (429, 1)
        gate.set()
        eventually(lambda: spool.queued_bytes == 0)
        stored(spool, b"{}\n")


def test_one_request_larger_than_the_queue_is_taken_when_it_is_alone(tmp_path: Path) -> None:
    with running(spool_of(tmp_path, queue_bytes=2**20)) as spool:
        stored(spool, b"x" * 2**21 + b"\n")


# A disk that takes nothing


def test_an_unwritable_folder_fails_those_who_wait_and_keeps_what_was_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmops_assets.intake.spool.RETRY_S", 0.1)
    folder = tmp_path / "events"
    folder.write_text("a file where the folder should be", encoding="utf-8")
    with running(spool_of(folder)) as spool:
        spool.put("events", b'{"n":"promised"}\n', wait=False)
        eventually(lambda: spool.complaints != [])
        with pytest.raises(Unavailable) as raised:
            spool.put("events", b'{"n":"refused"}\n', wait=False)
        assert (raised.value.status, raised.value.retry_after) == (503, 2)
        folder.unlink()
        eventually(lambda: spool.complaints == [])
        stored(spool, b'{"n":"after"}\n')
    assert list(objects(folder).values()) == [b'{"n":"promised"}\n{"n":"after"}\n']


def test_nothing_of_a_write_that_failed_half_way_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops_assets.intake.spool.RETRY_S", 0.1)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, bytes(data)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with running(spool_of(tmp_path)) as spool:
        stored(spool, b'{"n":1}\n')
        monkeypatch.setattr(os, "write", full)
        done = spool.put("events", b'{"n":2}\n', wait=True)
        assert done is not None
        with pytest.raises(Unavailable, match="nothing of the request was kept"):
            done.result(timeout=10)
        monkeypatch.setattr(os, "write", write)
        eventually(lambda: spool.complaints == [])
        stored(spool, b'{"n":3}\n')
    assert sorted(objects(tmp_path).values()) == [b'{"n":1}\n', b'{"n":3}\n']


def test_a_failed_write_is_taken_back_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment.create(tmp_path, AT)
    segment.append(b'{"n":1}\n')

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        segment.append(b'{"n":2}\n')
    assert segment.path.read_bytes() == b'{"n":1}\n'
    segment.close()


def test_a_sender_that_hangs_up_does_not_stop_the_others(tmp_path: Path) -> None:
    with running(spool_of(tmp_path)) as spool:
        gone: Future[None] | None = spool.put("events", b'{"n":1}\n', wait=True)
        assert gone is not None
        assert gone.cancel() is False
        stored(spool, b'{"n":2}\n')


# What a dead process left


def test_a_left_over_file_is_cut_to_whole_records_and_finished(tmp_path: Path) -> None:
    hidden = tmp_path / ".intake"
    hidden.mkdir()
    (hidden / "20261120T155930.000000Z-0123abcd.tmp").write_bytes(b'{"n":1}\n{"n":2}\n{"n"')
    (hidden / "20261120T155931.000000Z-0123abcd.tmp").write_bytes(b'{"n"')
    (hidden / "notes.tmp").write_bytes(b"of somebody else")
    with running(spool_of(tmp_path)):
        eventually(lambda: len(objects(tmp_path)) == 1)
    key = "2026-11-20/15/events-20261120T155930.000000Z-0123abcd.ndjson"
    assert objects(tmp_path) == {key: b'{"n":1}\n{"n":2}\n'}
    assert [path.name for path in hidden.iterdir()] == ["notes.tmp"]


def test_the_cut_finds_a_newline_far_back(tmp_path: Path) -> None:
    path = tmp_path / "20261120T155930.000000Z-0123abcd.tmp"
    path.write_bytes(b"{}\n" + b"x" * 3 * 2**20)
    (segment,) = left_over(tmp_path)
    assert (segment.size, path.read_bytes()) == (3, b"{}\n")
    segment.close()


def test_the_open_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, AT)
    segment.append(b"{}\n")
    assert list(left_over(tmp_path)) == []
    segment.close()
    (found,) = left_over(tmp_path)
    assert found.path == segment.path
    found.close()


# What cannot be a destination


def test_a_layout_without_an_hour_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it needs all of %Y %m %d %H"):
        destination_of(SourceSettings(name="events", uri=str(tmp_path), layout="%Y/"), tmp_path)


def test_events_can_only_be_written_to_objects(tmp_path: Path) -> None:
    source = KafkaSettings(kind="kafka", name="calls", bootstrap_servers="localhost:9092", topics=("calls",))
    with pytest.raises(IntakeError, match="source calls is of kind kafka"):
        destination_of(source, tmp_path)


# A bucket that cannot be reached


class Flaky:
    """A remote destination that fails until it is told to work."""

    is_remote = True

    def __init__(self, spool: Path) -> None:
        self.spool, self.works, self.finished = spool, False, []

    def finish(self, segment: Segment) -> None:
        if not self.works:
            raise SourceError("source events: cannot write s3://bucket/x: timed out")
        self.finished.append(segment.path.read_bytes())
        segment.remove()


@pytest.fixture
def flaky(tmp_path: Path) -> Flaky:
    return Flaky(tmp_path)


@pytest.fixture
def remote(flaky: Flaky) -> Spool:
    """A spool before it, not started."""
    intake, counters = IntakeSettings(upload_seconds=0.05), Counters()
    return Spool({"events": Lane(flaky, Finisher("events", flaky, counters), intake)}, intake.queue_bytes, counters)


def test_events_for_a_bucket_that_is_away_wait_on_the_local_disk(remote: Spool, flaky: Flaky) -> None:
    with running(remote):
        done = remote.put("events", b'{"n":1}\n', wait=True)
        assert done is not None
        with pytest.raises(Unavailable, match="stored here but not uploaded yet"):
            done.result(timeout=10)
        with pytest.raises(Unavailable, match="nothing of the request was kept"):
            remote.put("events", b'{"n":2}\n', wait=True)
        remote.put("events", b'{"n":3}\n', wait=False)
        assert remote.complaints == [
            "objects of events cannot be finished: source events: cannot write s3://bucket/x: timed out"
        ]
        flaky.works = True
        eventually(lambda: remote.complaints == [])
        stored(remote, b'{"n":4}\n')
    assert b"".join(flaky.finished) == b'{"n":1}\n{"n":3}\n{"n":4}\n'


def test_what_cannot_be_uploaded_before_a_stop_is_uploaded_after_the_next_start(
    remote: Spool, flaky: Flaky, tmp_path: Path
) -> None:
    remote.start()
    remote.put("events", b'{"n":1}\n', wait=False)
    eventually(lambda: remote.queued_bytes == 0)
    assert remote.stop() == 1
    flaky.works = True
    intake, counters = IntakeSettings(), Counters()
    again = Spool({"events": Lane(flaky, Finisher("events", flaky, counters), intake)}, intake.queue_bytes, counters)
    with running(again):
        eventually(lambda: flaky.finished == [b'{"n":1}\n'])
    assert list(tmp_path.iterdir()) == []


def test_requests_that_wait_for_an_upload_share_it(remote: Spool, flaky: Flaky) -> None:
    flaky.works = True
    with running(remote):
        waiting = [remote.put("events", b"{}\n", wait=True) for _ in range(20)]
        assert [one.result(timeout=10) for one in waiting if one is not None] == [None] * 20
    assert flaky.finished == [b"{}\n" * 20]


def test_segments_are_finished_in_their_order_and_each_once(flaky: Flaky, tmp_path: Path) -> None:
    flaky.works = True
    finisher = Finisher("events", flaky, Counters())
    for number in (1, 2, 3):
        segment = Segment.create(tmp_path, AT)
        segment.append(b"%d\n" % number)
        finisher.add(Closed(segment))
    assert finisher.backlog_bytes == 6
    finisher.start()
    eventually(lambda: finisher.backlog_bytes == 0)
    assert finisher.stop() == 0
    assert flaky.finished == [b"1\n", b"2\n", b"3\n"]


def test_a_rename_that_was_made_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment.create(tmp_path / "open", AT)
    segment.append(b"{}\n")
    target = tmp_path / "15" / "a.ndjson"
    sync, failures = os.fsync, [True]

    def broken_once(descriptor: int) -> None:
        if target.exists() and failures:
            failures.pop()
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", broken_once)
    with pytest.raises(OSError, match="Input/output"):
        segment.move(target)
    segment.move(target)
    assert target.read_bytes() == b"{}\n"
