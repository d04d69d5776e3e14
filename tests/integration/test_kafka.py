"""Snapshots of Kafka topics on a real broker: every offset exactly once, and never silently none."""

from datetime import UTC, datetime, timedelta

import pytest
from kafka_records import NOW, Make, accept, milliseconds, record

from llmops_assets.sources import SourceError
from llmops_assets.windows import HOUR, Window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_two_refreshes_of_the_running_hour_read_on_without_gap_or_overlap(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    assert bus.refresh().outcomes == {"accepted": 3}
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(2)])
    assert bus.refresh().outcomes == {"accepted": 2}
    assert bus.offsets() == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]
    assert bus.ranges() == [(0, 0, 3, "complete"), (0, 3, 5, "complete")]
    assert bus.query("select records, accepted from ingest_ledger where uri is not null order by uri") == [
        (3, 3),
        (2, 2),
    ]


def test_the_first_snapshot_divides_by_the_latest_time_so_far_whatever_the_disorder(make: Make) -> None:
    bus = make()
    minutes = [0, 70, 10, 65, 130, 20, 125, -30]  # after 10:00; the latest so far is in 10, 11, 11, 11, 12, 12, 12, 12
    first = datetime(2026, 11, 20, 10, tzinfo=UTC)
    times = [first + timedelta(minutes=minute) for minute in minutes]
    bus.broker.produce(bus.topic, [record(f"a{n}", at) for n, at in enumerate(times)])
    hours = [first, first + HOUR, first + 2 * HOUR]
    assert sorted(bus.pending()) == hours
    bus.refresh(Window(first, first + 3 * HOUR))
    assert bus.ranges("arrival_hour", "start_offset", "end_offset") == [
        (hours[0], 0, 1),
        (hours[1], 1, 4),
        (hours[2], 4, 8),
    ]
    assert bus.offsets() == [(0, offset) for offset in range(8)]
    assert bus.query("select count(*) from raw_llm_events where arrived_at <> event_time") == [(0,)]
    assert bus.pending() == {}


def test_hours_of_the_first_snapshot_may_be_read_one_by_one_in_any_order(make: Make) -> None:
    bus = make(2)
    times = [NOW - timedelta(hours=hours) for hours in (3, 2, 1)]
    for partition in (0, 1):
        bus.broker.produce(bus.topic, [record(f"{partition}-{at:%H}", at, partition=partition) for at in times])
    for at in (times[1], times[2], times[0]):
        start = at.replace(minute=0)
        assert bus.refresh(Window(start, start + HOUR)).outcomes == {"accepted": 2}
    assert bus.offsets() == [(partition, offset) for partition in (0, 1) for offset in range(3)]
    assert bus.pending() == {}


def test_a_wrong_clock_makes_no_hours_of_long_ago_or_of_the_future(make: Make) -> None:
    bus = make()
    times = [1, milliseconds(datetime(2031, 1, 1, tzinfo=UTC))]
    bus.broker.produce(bus.topic, [record(f"a{n}", timestamp=at) for n, at in enumerate(times)])
    bus.refresh()
    assert bus.query("select distinct arrival_hour from raw_llm_events") == [(NOW.replace(minute=0),)]
    assert bus.offsets() == [(0, 0), (0, 1)]
    assert bus.pending() == {}


def test_records_of_aborted_and_open_transactions_are_not_read_and_are_no_gap(make: Make) -> None:
    bus = make()
    bus.broker.transaction(bus.topic, [record("kept")], commit=True)  # offset 0, marker 1
    bus.broker.transaction(bus.topic, [record("aborted")], commit=False)  # offset 2, marker 3
    assert bus.refresh().outcomes == {"accepted": 1}
    assert bus.ranges() == [(0, 0, 4, "complete")]
    writing = bus.broker.transaction(bus.topic, [record("open")], commit=None)  # offset 4
    bus.broker.produce(bus.topic, [record("behind")])  # offset 5
    report = bus.refresh()
    assert report.records == 0
    assert report.kafka is not None
    assert [(lag.read_to, lag.end, lag.records, lag.waiting) for lag in report.kafka.lags] == [(4, 6, 2, 2)]
    writing.commit_transaction(20)
    assert bus.refresh().outcomes == {"accepted": 2}
    assert bus.events() == ["behind", "kept", "open"]


def test_a_range_that_ends_in_nothing_but_aborted_records_is_complete_and_read_once(make: Make) -> None:
    bus = make()
    bus.broker.transaction(bus.topic, [record("aborted")], commit=False)
    assert bus.refresh().records == 0
    assert bus.ranges("end_offset", "state", "records") == [(2, "complete", 0)]
    assert bus.pending() == {}


def test_offsets_that_compaction_removed_are_no_gap(make: Make) -> None:
    compacted = {
        "cleanup_policy": "compact",
        "segment_ms": "100",
        "min_cleanable_dirty_ratio": "0.01",
        "max_compaction_lag_ms": "200",
    }
    bus = make(topic=compacted)
    bus.broker.produce(bus.topic, [record(f"a{n}", key=b"same", timestamp=milliseconds(NOW) + n) for n in range(20)])
    bus.broker.produce(bus.topic, [record("last", key=b"other", timestamp=milliseconds(NOW) + 5000)])
    bus.broker.end_after_compaction(bus.topic, 10)
    assert bus.refresh().outcomes["accepted"] < 21
    assert bus.ranges() == [(0, 0, 21, "complete")]
    assert {"a19", "last"} <= set(bus.events())


def test_a_retention_gap_is_an_error_with_its_range_until_it_is_accepted(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    bus.refresh()
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(5)])
    bus.broker.delete_records(bus.topic, 6)
    with pytest.raises(SourceError, match=r"partition 0: offsets \[3, 6\) were removed") as error:
        bus.refresh()
    assert f"llmops source accept-gap bus --topic {bus.topic} --partition 0 --from 3 --to 6" in str(error.value)
    assert list(bus.pending()) == [NOW.replace(minute=0)]
    accept(bus, 3, 6)
    assert bus.refresh().outcomes == {"accepted": 2}
    assert bus.events() == ["a0", "a1", "a2", "b3", "b4"]
    assert bus.ranges("start_offset", "end_offset", "state", "reason", "accepted_by") == [
        (0, 3, "complete", None, None),
        (3, 6, "gap accepted", "lost in the move", "ada"),
        (6, 8, "complete", None, None),
    ]
    shown = f"{bus.ranges('topic_id')[0][0]}:3-6 gap accepted by ada: lost in the move"
    assert bus.query("select uri, version, records from ingest_ledger where uri like '%gap'") == [
        (f"kafka://{bus.topic}/0@3-6#gap", shown, 0)
    ]
    assert bus.pending() == {}


def test_only_what_is_missing_can_be_accepted(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    bus.refresh()
    for start, end in ((0, 3), (1, 5), (3, 9), (5, 6), (3, 3)):
        with pytest.raises(SourceError, match="is no gap; it was read or planned to 3"):
            accept(bus, start, end)


def test_a_topic_that_was_created_again_is_an_error_until_that_is_accepted(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    bus.refresh()
    bus.broker.delete(bus.topic)
    with pytest.raises(SourceError, match=f"topic {bus.topic} does not exist"):
        bus.refresh()
    bus.broker.topic(name=bus.topic)
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(5)])
    with pytest.raises(SourceError, match=r"deleted and created again .* from offset 3 on is lost.*--from 3 --to 0"):
        bus.refresh()
    accept(bus, 3, 0)
    assert bus.refresh().outcomes == {"accepted": 5}
    assert bus.events() == ["a0", "a1", "a2", "b0", "b1", "b2", "b3", "b4"]
    assert [uri for (uri,) in bus.query("select distinct uri from raw_llm_events order by 1")] == [
        f"kafka://{bus.topic}/0@0",
        f"kafka://{bus.topic}/0~1@0",
    ]
    assert bus.refresh().records == 0


def test_a_new_partition_is_read_from_its_beginning(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record("a")])
    bus.refresh()
    bus.broker.add_partitions(bus.topic, 2)
    bus.broker.produce(bus.topic, [record("b", NOW - 3 * HOUR, partition=1), record("c", partition=1)])
    bus.refresh()
    assert bus.ranges("partition", "start_offset", "end_offset", "arrival_hour") == [
        (0, 0, 1, NOW.replace(minute=0)),
        (1, 0, 2, NOW.replace(minute=0)),
    ]
    assert bus.offsets() == [(0, 0), (1, 0), (1, 1)]


def test_a_pattern_picks_up_topics_that_come_later(make: Make) -> None:
    bus = make()
    bus.options["topics_pattern"] = f"{bus.topic}(-more)?"
    bus.broker.produce(bus.topic, [record("a")])
    bus.refresh()
    later = bus.broker.topic(name=f"{bus.topic}-more")
    bus.broker.produce(later, [record("b")])
    assert bus.refresh().outcomes == {"accepted": 1}
    bus.broker.delete(later)
    with pytest.raises(SourceError, match=f"topic {later} was read before and no longer exists"):
        bus.refresh()


@pytest.mark.parametrize(("start", "expected"), [("latest", ["c"]), ((NOW - HOUR).isoformat(), ["b", "c"])])
def test_the_first_snapshot_may_begin_at_the_end_or_at_a_time(make: Make, start: str, expected: list[str]) -> None:
    bus = make(start=start)
    bus.broker.produce(bus.topic, [record("a", NOW - 2 * HOUR), record("b", NOW)])
    bus.refresh(Window(NOW.replace(minute=0) - 3 * HOUR, NOW.replace(minute=0) + HOUR))
    bus.broker.produce(bus.topic, [record("c", NOW)])
    bus.refresh()
    assert bus.events() == expected


def test_materializing_a_recorded_hour_again_changes_nothing_even_when_retention_took_its_records(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    bus.refresh()
    before, ranges, hour = bus.table(), bus.ranges(), bus.hour
    bus.later(hours=2)
    bus.broker.produce(bus.topic, [record(f"b{n}", bus.now) for n in range(2)])
    bus.broker.delete_records(bus.topic, 2)
    report = bus.refresh(hour)
    assert (report.records, bus.table(), bus.ranges()) == (0, before, ranges)
    assert report.kafka is not None
    assert report.kafka.notes == [f"kafka://{bus.topic}/0@0 to 3: no longer in the topic; its rows are kept"]
    assert bus.refresh().outcomes == {"accepted": 2}
