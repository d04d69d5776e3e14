"""What is in the lake is never accepted as lost, what is lost can be, and nothing else: whatever a dead run left."""

from collections.abc import Iterator

import pytest
from kafka_records import NOW, Make, Pipeline, accept, dying, record

from llmops_assets.ingest.kafka_gaps import Acceptance, accept_gap
from llmops_assets.ingest.kafka_objects import RangesRead
from llmops_assets.ingest.kafka_snapshots import plan_snapshot
from llmops_assets.settings import IngestSettings
from llmops_assets.sources import Batch, SourceError
from llmops_assets.sources.kafka import Place
from llmops_assets.windows import HOUR, Window

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def dead(make: Make, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Ten records whose rows are in the lake, left by a run that died before it said so."""
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(10)])
    with monkeypatch.context() as patch:
        patch.setattr(RangesRead, "complete", dying)
        with pytest.raises(KeyboardInterrupt):
            bus.refresh()
    assert bus.ranges() == [(0, 0, 10, "planned")]
    assert len(bus.offsets()) == 10
    return bus


def _plan(bus: Pipeline) -> None:
    plan_snapshot(bus.lake, bus.source, bus.hour, bus.now, "killed", bus.settings.start)


def test_rows_that_are_in_the_lake_complete_a_range_that_retention_took(dead: Pipeline) -> None:
    dead.broker.delete_records(dead.topic, 4)
    assert dead.refresh().records == 0
    columns = ("start_offset", "end_offset", "state", "records", "tombstones", "first_timestamp", "last_timestamp")
    assert dead.ranges(*columns) == [(0, 10, "complete", 10, None, NOW, NOW)]
    assert dead.offsets() == [(0, offset) for offset in range(10)]
    assert dead.query("select sum(records) from ingest_ledger") == [(10,)]
    assert dead.pending() == {}


def test_only_the_part_behind_the_rows_is_lost(dead: Pipeline) -> None:
    dead.broker.produce(dead.topic, [record(f"b{n}") for n in range(5)])
    dead.broker.delete_records(dead.topic, 12)
    with pytest.raises(SourceError, match=r"offsets \[10, 12\) were removed .*--from 10 --to 12 "):
        dead.refresh()
    accept(dead, 10, 12)
    assert dead.refresh().outcomes == {"accepted": 3}
    assert dead.ranges() == [(0, 0, 10, "complete"), (0, 10, 12, "gap accepted"), (0, 12, 15, "complete")]
    assert dead.offsets() == [(0, offset) for offset in (*range(10), 12, 13, 14)]


def test_planned_ranges_of_which_one_has_rows_are_accepted_but_for_that_one(dead: Pipeline) -> None:
    dead.broker.produce(dead.topic, [record(f"b{n}") for n in range(5)])
    _plan(dead)
    for start, end in ((0, 15), (0, 4), (8, 12)):
        with pytest.raises(SourceError, match=f"{start} to {end} is no gap; .* not in the lake is 10 to 15; nothing"):
            accept(dead, start, end)
    assert dead.ranges() == [(0, 0, 10, "planned"), (0, 10, 15, "planned")]
    accept(dead, 10, 13)
    assert dead.ranges() == [(0, 0, 10, "complete"), (0, 10, 13, "gap accepted"), (0, 13, 15, "planned")]
    assert dead.refresh().outcomes == {"accepted": 2}
    assert dead.offsets() == [(0, offset) for offset in (*range(10), 13, 14)]
    assert dead.query("select sum(records) from ingest_ledger") == [(12,)]
    assert dead.pending() == {}


def test_records_that_the_next_snapshot_will_read_are_not_accepted_as_lost(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(3)])
    bus.refresh()
    bus.broker.produce(bus.topic, [record(f"b{n}") for n in range(5)])
    bus.broker.delete_records(bus.topic, 4)
    for end in (8, 5):
        with pytest.raises(SourceError, match=f"3 to {end} is no gap; .*holds \\[4, 8\\); missing is 3 to 4"):
            accept(bus, 3, end)
    accept(bus, 3, 4)
    assert bus.refresh().outcomes == {"accepted": 4}
    topic, bus.topic = bus.topic, bus.broker.topic()
    accepted = Acceptance(Place(topic, 0), 8, 9, "moved", "ada", bus.now)
    with pytest.raises(SourceError, match=f"topic {topic} partition 0 is not one of its topics now"):
        accept_gap(bus.lake, bus.source, accepted)


def test_every_planned_piece_that_retention_took_is_named_with_its_command(make: Make) -> None:
    bus = make()
    hours = [NOW - 2 * HOUR, NOW - HOUR, NOW]
    bus.broker.produce(bus.topic, [record(f"{at:%H}-{n}", at) for at in hours for n in range(2)])
    _plan(bus)
    middle = Window(bus.hour.start - HOUR, bus.hour.start)
    assert bus.refresh(middle).outcomes == {"accepted": 2}
    bus.broker.delete_records(bus.topic, 5)
    with pytest.raises(SourceError, match=r"--from 0 --to 2 .*\n.*--from 4 --to 5 "):
        bus.refresh()
    accept(bus, 0, 2)
    accept(bus, 4, 5)
    bus.refresh()
    assert bus.offsets() == [(0, 2), (0, 3), (0, 5)]
    assert bus.ranges() == [
        (0, 0, 2, "gap accepted"),
        (0, 2, 4, "complete"),
        (0, 4, 5, "gap accepted"),
        (0, 5, 6, "complete"),
    ]


def test_a_range_that_is_accepted_as_lost_while_it_is_read_is_not_taken_in(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record(f"a{n}") for n in range(5)])
    _plan(bus)
    whole = RangesRead.batches

    def accepted_meanwhile(self: RangesRead, ingest: IngestSettings) -> Iterator[Batch]:
        if (0, 0, 5, "planned") in bus.ranges():
            accept(bus, 0, 2)
        yield from whole(self, ingest)

    monkeypatch.setattr(RangesRead, "batches", accepted_meanwhile)
    bus.refresh()
    assert bus.ranges() == [(0, 0, 2, "gap accepted"), (0, 2, 5, "complete")]
    assert bus.offsets() == [(0, 2), (0, 3), (0, 4)]
