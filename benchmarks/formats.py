"""How fast formats are decoded, against hand-written DuckDB queries that extract the same columns, and in what memory.

`python -m benchmarks.formats` makes flat records, LiteLLM payloads and OTLP requests, decodes each as ingest does, two
batches side by side, and prints CPU time and throughput; flat and LiteLLM beside the query of a hand. Rounds alternate,
so that both sides see the same machine. The memory is that of a process of its own, for files of one and of four times
the size.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.generate_load import generate_load
from benchmarks.hand_decode import DECODE
from benchmarks.hand_litellm import DECODE_LITELLM
from benchmarks.measure import measure
from llmops_assets import formats
from llmops_assets.duck import another, connect
from llmops_assets.ingest.decoding import Decoder
from llmops_assets.ingest.refresh import OBJECTS_SCHEMA
from llmops_assets.lake.relations import Written
from llmops_assets.sources.objects import LINES_SCHEMA, Batch
from llmops_assets.sources.reading import read_object

WORKERS = 2
CALLS_PER_REQUEST = 32
HOUR = datetime(2026, 11, 1, tzinfo=UTC)
TEXT = "Summarise the following passage in two sentences. " * 8
OBJECT = {
    "object_id": 0, "source": "platform", "uri": "file:///load.ndjson", "version": "1", "arrival_hour": HOUR,
    "arrived_at": datetime(2026, 11, 2, tzinfo=UTC), "bytes": 1, "configured_format": None,
    "request_id_is_unique": False, "source_tenant": None,
}  # fmt: skip


def flat_lines(folder: Path, records: int) -> list[str]:
    """The load of the main benchmark, about 430 bytes a record."""
    generate_load(folder / "flat", records)
    return [
        line
        for path in sorted((folder / "flat").rglob("*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def litellm_lines(records: int) -> list[str]:
    """Payloads as LiteLLM writes them, about 2 KB each."""
    start = HOUR.timestamp()
    return [json.dumps(_payload(number, start + number * 0.01)) for number in range(records)]


def _payload(number: int, at: float) -> dict[str, object]:
    prompt, output = 200 + number % 3000, 1 + number % 700
    usage = {
        "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": prompt // 4, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 0}, "cache_read_input_tokens": prompt // 4,
    }  # fmt: skip
    metadata = {
        "user_api_key_hash": f"{number % 97:08x}", "user_api_key_team_id": f"team-{number % 40}",
        "user_api_key_user_id": f"user-{number % 900}", "usage_object": usage,
    }  # fmt: skip
    return {
        "id": f"chatcmpl-{number}", "litellm_call_id": f"call-{number}", "trace_id": f"trace-{number // 3}",
        "session_id": "", "call_type": "acompletion", "cache_hit": None, "stream": False, "status": "success",
        "custom_llm_provider": "openai", "startTime": at, "endTime": at + 0.8, "completionStartTime": at + 0.8,
        "model": "gpt-4o", "model_group": "gpt-4o", "prompt_tokens": prompt, "completion_tokens": output,
        "total_tokens": prompt + output, "response_cost": 0.00125, "request_tags": ["feature:chat", "env:prod"],
        "end_user": "", "messages": [{"role": "user", "content": TEXT}], "metadata": metadata,
        "response": {
            "model": "gpt-4o-2024-08-06", "usage": usage,
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
        },
        "model_parameters": {"temperature": 0.2}, "error_str": None, "error_information": {"error_code": ""},
    }  # fmt: skip


def span_lines(spans: int) -> list[str]:
    """Requests of 32 calls, each with its parent, about 1.5 KB a span of a call and 0.4 KB a parent."""
    requests = spans // (2 * CALLS_PER_REQUEST)
    return [json.dumps(_request(number)) for number in range(requests)]


def _request(number: int) -> dict[str, object]:
    calls, parents = [], []
    for place in range(CALLS_PER_REQUEST):
        at = int(HOUR.timestamp() * 10**9) + (number * CALLS_PER_REQUEST + place) * 10**6
        ids: dict[str, object] = {"traceId": f"{number:024x}{place:08x}", "spanId": f"c{number:07x}{place:08x}"}
        parent = f"a{number:07x}{place:08x}"
        times: dict[str, object] = {"startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 800_000_000)}
        owner = {"session.id": f"s-{number}", "user.id": f"u-{place}", "acme.feature": "search"}
        calls.append(ids | times | {"parentSpanId": parent, "kind": 3, **_of(_call(number, place)), "status": {}})
        parents.append(ids | times | {"spanId": parent, "kind": 1, **_of(owner), "status": {}})
    scopes = [{"scope": {"name": "openai.v1"}, "spans": calls}, {"scope": {"name": "app"}, "spans": parents}]
    resource = _of({"service.name": "assistant", "tenant.id": f"team-{number % 40}"})
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def _call(number: int, place: int) -> dict[str, object]:
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": f"chatcmpl-{number}-{place}",
        "gen_ai.input.messages": TEXT, "gen_ai.output.messages": TEXT[:200], "gen_ai.usage.input_tokens": 500 + place,
        "gen_ai.usage.output_tokens": 20 + place, "gen_ai.usage.cache_read.input_tokens": place,
        "server.address": "api.openai.com", "server.port": 443,
    }  # fmt: skip


def _of(values: Mapping[str, object]) -> dict[str, object]:
    return {"attributes": [{"key": key, "value": _value(value)} for key, value in values.items()]}


def _value(value: object) -> dict[str, object]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def batches_of(lines: list[str]) -> list[pa.Table]:
    """One batch for each worker, as the splitter would deliver it."""
    size = -(-len(lines) // WORKERS)
    tables = []
    for first in range(0, len(lines), size):
        texts = lines[first : first + size]
        columns = {
            "object_id": pa.array([0] * len(texts), pa.int32()),
            "line": pa.array(range(first + 1, first + 1 + len(texts)), pa.int64()),
            "text": pa.array(texts),
            "bytes": pa.array([len(text.encode()) for text in texts], pa.int64()),
        }
        nulls = {field.name: pa.nulls(len(texts), field.type) for field in LINES_SCHEMA if field.name not in columns}
        tables.append(pa.table({name: (columns | nulls)[name] for name in LINES_SCHEMA.names}, schema=LINES_SCHEMA))
    return tables


def platform(connection: duckdb.DuckDBPyConnection, lines: pa.Table, out: Path) -> int:
    """Decode as ingest does."""
    with another(connection) as cursor:
        cursor.register("lines", lines)
        cursor.register("objects", pa.Table.from_pylist([OBJECT], schema=OBJECTS_SCHEMA))
        query = formats.decoding(cursor, "lines", "objects")
        cursor.execute(f"copy ({query}) to '{out}' (format parquet)")
        return formats.records_in(cursor)


def by_hand(query: str) -> Callable[[duckdb.DuckDBPyConnection, pa.Table, Path], int]:
    """Decode with a query over `lines` (object_id, number, line) and `objects`."""

    def decode(connection: duckdb.DuckDBPyConnection, lines: pa.Table, out: Path) -> int:
        (out.parent / "raw_llm_events").mkdir(exist_ok=True)
        with another(connection) as cursor:
            given = lines.select(["object_id", "line", "text"]).rename_columns(["object_id", "number", "line"])
            cursor.register("lines", given)
            cursor.register("objects", pa.Table.from_pylist([OBJECT], schema=OBJECTS_SCHEMA))
            cursor.execute(query.format(out=out.parent, batch=out.stem))
        return int(lines.num_rows)

    return decode


def timed(decode: Callable[..., int], connection: duckdb.DuckDBPyConnection, lines: list[str], folder: Path) -> float:
    """CPU seconds for a million records, with all workers at work; and wall-clock throughput to stderr."""
    tables = batches_of(lines)
    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        outputs = [folder / f"{number}.parquet" for number in range(len(tables))]
        records = sum(pool.map(lambda given: decode(connection, *given), zip(tables, outputs, strict=True)))
    used = (time.process_time() - cpu) / records * 10**6
    print(
        f"  {records / (time.perf_counter() - wall):,.0f}/s by the clock, {used:.1f} CPU s a million", file=sys.stderr
    )
    return used


def compared(name: str, lines: list[str], hand: str | None, rounds: int, folder: Path) -> str:
    """One row of the table: the best of some rounds, platform and hand in turns."""
    connection = connect()
    connection.execute("set threads = 1")
    formats.prepare(connection)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(timed(platform, connection, lines, folder))
        if hand is not None:
            theirs.append(timed(by_hand(hand), connection, lines, folder))
    best = min(ours)
    row = f"| {name} | {best:.1f} | {WORKERS / best * 10**6:,.0f} |"
    return row + (f" {min(theirs):.1f} | {min(theirs) / best:.2f} |" if theirs else " | |")


def decode_file(path: Path) -> None:
    """A whole file through the reader and the decoder, in bounded batches; the memory is what is of interest."""
    connection = connect()
    formats.prepare(connection)
    folder = Path(tempfile.mkdtemp())
    number = iter(range(10**9))

    def write(cursor: duckdb.DuckDBPyConnection, relation: str) -> Written:
        out = folder / f"{next(number)}.parquet"
        cursor.execute(f"copy (select * from {relation}) to '{out}' (format parquet)")
        return Written([str(out)], pq.read_metadata(out).num_rows)

    objects = pa.Table.from_pylist([OBJECT], schema=OBJECTS_SCHEMA)
    decoder = Decoder(connection, objects, write, workers=WORKERS, keep_bytes=False)
    decoder.decode(_batches(path), lambda _: None)


def _batches(path: Path) -> Iterator[Batch]:
    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(2**22):
                yield chunk

    for piece in read_object(path.name, chunks(), 2**24):
        unsaid = {name: pa.nulls(piece.num_rows, LINES_SCHEMA.field(name).type) for name in LINES_SCHEMA.names}
        known = dict(zip(piece.schema.names, piece.columns, strict=True))
        known["object_id"] = pa.array([0] * piece.num_rows, pa.int32())
        yield Batch(pa.table({name: (unsaid | known)[name] for name in LINES_SCHEMA.names}, schema=LINES_SCHEMA), [])


def peaks(name: str, lines: list[str], folder: Path) -> str:
    """Peak memory of a process that decodes the lines once, and four times over."""
    found = []
    for times in (1, 4):
        path = folder / f"{name}-{times}.ndjson"
        with path.open("w", encoding="utf-8") as file:
            for _ in range(times):
                file.writelines(f"{line}\n" for line in lines)
        command = [sys.executable, "-m", "benchmarks.formats", "--decode", str(path)]
        found.append(f"{path.stat().st_size / 2**20:,.0f} MiB: {measure(command, folder / 'log').peak_mib:,.0f} MiB")
    return f"| {name} | {' | '.join(found)} |"


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=64, help="of a batch; ingest's are of 64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--decode", type=Path, help="only decode this file (used to measure memory)")
    options = parser.parse_args()
    if options.decode is not None:
        decode_file(options.decode)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, size = Path(name), WORKERS * options.mebibytes * 2**20
        loads = {
            "flat": (flat_lines(folder, size // 430), DECODE),
            "litellm_payload": (litellm_lines(size // 2200), DECODE_LITELLM),
            "otlp_spans": (span_lines(size // 1030), None),
        }
        print("| format | CPU s a million | records/s of 2 CPUs | by hand, CPU s a million | speed by hand = 1 |")
        print("|---|---|---|---|---|")
        for one, (lines, hand) in loads.items():
            print(compared(one, lines, hand, options.rounds, folder))
        print("\n| format | file: peak memory | four times the file: peak memory |\n|---|---|---|")
        for one, (lines, _) in loads.items():
            print(peaks(one, lines, folder))


if __name__ == "__main__":
    main()
