"""Recorded streams: whatever way their chunks were kept, they are the reply that they add up to."""

import copy
import json
from typing import Any

import pytest
from decoding import Decoder, Row, some
from replies import (
    CHAT,
    CHAT_CHUNKS,
    COHERE,
    COHERE_EVENTS,
    CONVERSE,
    CONVERSE_EVENTS,
    GEMINI,
    GEMINI_CHUNKS,
    GROQ_CHUNKS,
    MESSAGE,
    MESSAGE_EVENTS,
    RESPONSES,
    RESPONSES_EVENTS,
    SECRET,
    events,
    wrapped,
)

TOLD = (
    "tokens_input", "tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h", "tokens_output", "model",
    "service_tier", "provider", "operation", "tokens_total",
)  # fmt: skip
STREAMS = {
    "chat": (CHAT_CHUNKS, CHAT, "length"),
    "responses": (RESPONSES_EVENTS, RESPONSES, "stop"),
    "anthropic": (MESSAGE_EVENTS, MESSAGE, "stop"),
    "gemini": (GEMINI_CHUNKS, GEMINI, "stop"),
    "bedrock": (CONVERSE_EVENTS, CONVERSE, "length"),
    "cohere": (COHERE_EVENTS, COHERE, "stop"),
}


def recordings(chunks: list[Row]) -> list[Any]:
    """A stream in all the ways in which it may have been kept."""
    text = events(chunks)
    return [
        chunks,
        text,
        events(chunks, newline="\r\n"),
        text.splitlines(),
        [json.dumps(chunk) for chunk in chunks],
        "\n".join(json.dumps(chunk) for chunk in chunks),
        json.dumps(chunks, indent=1),
        [{"received_at": "2026-11-20T15:00:01Z", "data": chunk} for chunk in chunks],
        [{"elapsed_ms": 400, "chunk": f"data: {json.dumps(chunk)}\n\n"} for chunk in chunks],
    ]


def lengthened(family: str) -> list[Row]:
    """A stream with forty more pieces of the answer and a few events behind it that tell nothing."""
    chunks = copy.deepcopy(STREAMS[family][0])
    middle = chunks[3 if family == "anthropic" else 1]
    piece = json.loads(json.dumps(middle).replace('"usageMetadata"', '"unusual"'))
    if family == "responses":
        chunks[2]["response"]["output"][0]["action"]["query"] = '"usage": {"input_tokens": 7}'
    return [*chunks[:2], *[piece] * 40, *chunks[2:], *[{"type": "ping"}] * 5]


@pytest.fixture(scope="module")
def decoded(decoder: Decoder) -> dict[str, list[Row]]:
    """Of each family the whole reply, its recordings and two of a longer stream: all in one go."""
    replies = {
        family: [whole, *recordings(chunks), lengthened(family), events(lengthened(family))]
        for family, (chunks, whole, _) in STREAMS.items()
    }
    rows = iter(decoder.rows(*(wrapped(reply, provider=None) for all_of in replies.values() for reply in all_of)))
    return {family: [next(rows) for _ in all_of] for family, all_of in replies.items()}


@pytest.mark.parametrize("family", STREAMS)
def test_a_stream_is_the_reply_however_it_was_recorded(decoded: dict[str, list[Row]], family: str) -> None:
    expected, *rows = decoded[family]
    told = [name for name in TOLD if (family, name) != ("chat", "service_tier")]
    assert expected["outcome"] == "accepted"
    assert [some(row, *told) for row in rows] == [some(expected, *told)] * 11
    assert {some(row, "streaming", "finish_reason", "status") for row in rows} == {
        (True, STREAMS[family][2], "success")
    }
    assert {row["event_id"] for row in rows} == {expected["event_id"]} or family == "bedrock"
    assert [name for row in rows for name, value in row.items() if SECRET in str(value)] == []


@pytest.mark.parametrize("family", STREAMS)
def test_of_a_long_stream_nothing_that_tells_is_lost(decoded: dict[str, list[Row]], family: str) -> None:
    position = {"line": None} | ({"event_id": None} if family == "bedrock" else {})
    _, short, *_, long, long_text = ({**row, **position} for row in decoded[family])
    assert long == long_text == short


def test_the_output_of_a_message_counts_up_and_its_input_comes_first(decoder: Decoder) -> None:
    start, *others = MESSAGE_EVENTS
    grown = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 5000, "output_tokens": 160}}
    rows = decoder.rows(*(wrapped(chunks) for chunks in ([start, *others], [start, *others, grown], [start], others)))
    # 30 + 2000 + 700; a search put 5000 into the prompt; only 1 was out when the stream was cut; nothing of the input.
    assert [some(row, "tokens_input", "tokens_output") for row in rows] == [
        (2730, 150), (7700, 160), (2730, 1), (None, 150),
    ]  # fmt: skip


def test_the_usage_of_groq_is_beside_its_chunks(decoder: Decoder) -> None:
    row = decoder.row(wrapped(events(GROQ_CHUNKS), provider="llm-gateway"))
    assert some(row, "event_id", "provider", "tokens_input", "tokens_output", "finish_reason") == (
        "chatcmpl-7b", "groq", 42, 8, "stop",
    )  # fmt: skip


def test_a_stream_without_usage_has_unknown_tokens(decoder: Decoder) -> None:
    rows = decoder.rows(wrapped(CHAT_CHUNKS[:3]), wrapped(events(CHAT_CHUNKS[:3])), wrapped(CONVERSE_EVENTS[:4]))
    assert [some(row, "outcome", "tokens_input", "tokens_output", "status") for row in rows] == [
        ("accepted", None, None, "success")
    ] * 3
    assert [row["flags"] for row in rows] == [["usage_missing"]] * 2 + [["derived_event_id", "usage_missing"]]


def test_the_first_token_came_with_the_first_chunk_that_bears_a_piece(decoder: Decoder) -> None:
    def timed(chunks: list[Row], name: str, times: list[Any], **fields: Any) -> Row:
        marked = [{name: time, "data": chunk} for time, chunk in zip(times, chunks, strict=True)]
        return wrapped(marked, request_time="2026-11-20T15:00:00Z", latency_ms=None, **fields)

    seconds = [1795186800 + 0.25 * place for place in range(8)]
    rows = decoder.rows(
        # The fourth event is the first delta: 0.75 s; the last came after 1.75 s.
        timed(MESSAGE_EVENTS, "received_at", seconds),
        timed(MESSAGE_EVENTS, "timestamp", seconds, time_to_first_token_ms=5),
        timed(CONVERSE_EVENTS, "elapsed_ms", [10, 20, 30, 40, 50]),
        timed(RESPONSES_EVENTS, "time", ["2026-11-20T15:00:00.1Z", "2026-11-20T15:00:00.3Z", "2026-11-20T15:00:02Z"]),
        wrapped([{**chunk, "offset_ms": 15 * place} for place, chunk in enumerate(CHAT_CHUNKS, 1)], latency_ms=None),
        wrapped(CHAT_CHUNKS, latency_ms=None),
    )
    assert [some(row, "time_to_first_token_ms", "latency_ms") for row in rows] == [
        (750.0, 1750.0), (5.0, 1750.0), (20.0, 612.0), (300.0, 2000.0), (15.0, 60.0),
        (None, None),
    ]  # fmt: skip


def test_an_error_in_a_stream_is_one_and_keeps_what_was_consumed(decoder: Decoder) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    throttled = {"throttlingException": {"message": "Too many tokens"}}
    failed = {
        "type": "response.failed",
        "response": {**RESPONSES, "status": "failed", "error": {"code": "server_error"}},
    }
    rows = decoder.rows(
        wrapped([*MESSAGE_EVENTS[:4], overloaded]), wrapped([*CONVERSE_EVENTS[:2], throttled]),
        wrapped([*RESPONSES_EVENTS[:2], failed]), wrapped([{"error": {"code": 503, "status": "UNAVAILABLE"}}]),
    )  # fmt: skip
    assert [some(row, "status", "error_code", "error_type", "tokens_input") for row in rows] == [
        ("error", "overloaded_error", "provider_outage", 2730),
        ("error", "throttlingException", "rate_limit", None),
        ("error", "server_error", "provider_outage", 900),
        ("error", "UNAVAILABLE", "provider_outage", None),
    ]


def test_pieces_of_a_broken_recording_are_left_out(decoder: Decoder) -> None:
    text = events(MESSAGE_EVENTS)
    cut, mangled = (text.replace('{"type": "ping"}', piece) for piece in ('{"type": "pi', '{"type": "pi}'))
    rows = decoder.rows(
        wrapped(cut), wrapped(mangled), wrapped([None, 7, "x", *MESSAGE_EVENTS]), wrapped(["x", *text.splitlines()])
    )
    assert [some(row, "outcome", "tokens_input", "tokens_output") for row in rows] == [("accepted", 2730, 150)] * 4
