"""What a partition lost of what was to be read, from recorded ranges and what it holds now: no broker is asked."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llmops_assets.ingest.kafka_losses import is_lost, losses_at
from llmops_assets.ingest.kafka_table import COMPLETE, GAP, PLANNED, Book, Range
from llmops_assets.sources.kafka import Held, Place

HOUR = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALLS = Place("calls", 0)


def recorded(start: int, end: int, state: str = COMPLETE) -> Range:
    return Range("bus", HOUR, "calls", "id", 0, 0, start, end, state)


def holding(low: int, high: int, **others: object) -> dict[Place, Held]:
    return {CALLS: replace(Held("id", low, high, high, 4), **others)}  # type: ignore[arg-type]


def lost(book: list[Range], held: dict[Place, Held]) -> list[tuple[int, int, bool]]:
    return [(one.start, one.end, one.is_new_era) for one in losses_at(Book(tuple(book), None), CALLS, held)]


@pytest.mark.parametrize(
    ("book", "held", "expected"),
    [
        ([recorded(0, 5)], holding(0, 9), []),
        ([recorded(0, 5)], holding(5, 9), []),
        ([recorded(0, 5)], holding(7, 9), [(5, 7, False)]),
        # What is planned and what lies behind it are one piece where they adjoin; what was read in between is none.
        ([recorded(0, 5, PLANNED), recorded(5, 8, PLANNED)], holding(9, 9), [(0, 9, False)]),
        ([recorded(0, 5, PLANNED), recorded(5, 8)], holding(9, 9), [(0, 5, False), (8, 9, False)]),
        ([recorded(0, 5), recorded(5, 8, PLANNED)], holding(6, 9), [(5, 6, False)]),
        ([recorded(0, 5, PLANNED), recorded(5, 8, GAP)], holding(3, 9), [(0, 3, False)]),
        # Another life of the topic begins at what it holds, at its end, or at the first record that is another one.
        ([recorded(0, 5)], holding(2, 9, topic_id="other"), [(5, 2, True)]),
        ([recorded(0, 5)], holding(0, 3), [(5, 3, True)]),
        ([recorded(0, 5)], holding(0, 9, rewritten_from=2), [(5, 2, True)]),
        ([recorded(0, 5), recorded(5, 8, PLANNED)], holding(0, 9, rewritten_from=7), [(5, 5, True)]),
        ([recorded(0, 5), recorded(5, 8, PLANNED)], holding(0, 9, rewritten_from=4), [(5, 4, True)]),
        ([recorded(0, 5)], {Place("calls", 1): Held("id", 0, 9, 9)}, [(5, 0, True)]),
        ([recorded(0, 5)], {}, []),
    ],
)
def test_what_is_lost_is_what_was_not_read_and_cannot_be(
    book: list[Range], held: dict[Place, Held], expected: list[tuple[int, int, bool]]
) -> None:
    assert lost(book, held) == expected


def test_the_sentence_of_joined_pieces_names_all_of_them() -> None:
    book = Book((recorded(0, 5, PLANNED), recorded(5, 8, PLANNED)), None)
    (piece,) = losses_at(book, CALLS, holding(9, 9))
    assert piece.sentence("bus").startswith(
        "topic calls partition 0: offsets [0, 9) were removed (retention, delete_records) before they were read. If"
    )


@pytest.mark.parametrize(("low", "high", "expected"), [(0, 8, False), (5, 8, False), (6, 8, True), (0, 7, True)])
def test_a_range_is_lost_if_any_of_its_offsets_is(low: int, high: int, expected: bool) -> None:
    assert is_lost(holding(low, high))(recorded(5, 8, PLANNED)) is expected
