"""The example: equal arguments, equal bytes; and counts that a second, independent count confirms."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from llmops_assets.generator import GeneratorError, Planted, generate
from llmops_assets.generator.catalogue import CANARY, UNKNOWN_MODELS

CALLS = 6_000


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted]:
    folder = tmp_path_factory.mktemp("example")
    return folder, generate(folder, days=2, calls=CALLS, seed=7)


def objects_of(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "records").rglob("*") if path.is_file())


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in objects_of(folder)}


def lines_of(path: Path) -> tuple[list[bytes], bool]:
    """Raw records of an object, and whether it was cut off."""
    data, cut = path.read_bytes(), False
    if path.suffix == ".gz":
        inflater = zlib.decompressobj(31)
        data = inflater.decompress(data)
        cut = not inflater.eof
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompress(data)
    if path.suffix == ".csv":
        return [json.dumps(row).encode() for row in csv.DictReader(io.StringIO(data.decode()))], False
    if path.suffix == ".parquet":
        return [json.dumps(row, default=str).encode() for row in pq.read_table(path).to_pylist()], False
    if path.suffix == ".json" and data.startswith(b"["):
        return [json.dumps(record).encode() for record in json.loads(data)], False
    return data.splitlines(), cut


def id_of(record: dict[str, object]) -> object:
    if "litellm_call_id" in record:
        return (record["id"], record["litellm_call_id"])
    return record.get("event_id") or record.get("requestId") or (record.get("logged_at") and record.get("request_id"))


def first(record: dict[str, object], *names: str) -> object:
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)


@dataclass
class Recount:
    """What the raw files hold, told from JSON alone."""

    records: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    by_id: dict[object, list[str]] = field(default_factory=dict)
    without_id: list[dict[str, object]] = field(default_factory=list)
    suspects: Counter[str] = field(default_factory=Counter)
    calls: list[dict[str, object]] = field(default_factory=list)

    def add(self, line: bytes) -> None:
        reason = self.read(line)
        if reason:
            self.unreadable[reason] += 1

    def read(self, line: bytes) -> str:
        try:
            pairs = json.loads(line.decode(), object_pairs_hook=lambda pairs: pairs)
        except UnicodeDecodeError:
            return "bad_encoding"
        except json.JSONDecodeError:
            return "malformed_json"
        if not isinstance(pairs, list):
            return "not_an_object"
        if len({name for name, _ in pairs}) < len(pairs):
            return "duplicate_key"
        return self.take(json.loads(line))

    def take(self, record: dict[str, object]) -> str:
        if "level" in record:
            return "unknown_format"
        reason = flaw_of(record)
        if reason:
            return reason
        number = id_of(record)
        text = json.dumps(record, sort_keys=True)
        if number is None:
            self.without_id.append(record)
        else:
            self.by_id.setdefault(number, []).append(text)
            if len(self.by_id[number]) > 1:
                return ""
        self.calls.append(record)
        return ""


def flaw_of(record: dict[str, object]) -> str:
    at = first(record, "timestamp", "event_time", "logged_at", "startTime")
    return "missing_timestamp" if at is None else flaw_of_time(at) or flaw_of_tokens(record)


def flaw_of_time(at: object) -> str:
    """The examples here end before 3 November; the future begins three days after a call."""
    if str(at).startswith(("0", "1999", "1970")):
        return "implausible_timestamp"
    late = (isinstance(at, int) and at > 1e12) or (isinstance(at, str) and at > "2026-11-03T01")
    return "future_timestamp" if late else ""


def flaw_of_tokens(record: dict[str, object]) -> str:
    tokens = first(record, "promptTokens", "prompt_tokens", "tokens_input")
    if tokens == "many" or isinstance(tokens, bool | float):
        return "bad_type"
    count = int(tokens or 0)  # type: ignore[call-overload]
    if count < 0 or count >= 2**63:
        return "negative_tokens" if count < 0 else "token_overflow"
    return "parts_exceed_total" if int(record.get("cachedTokens") or 0) > count else ""  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def recount(example: tuple[Path, Planted]) -> Recount:
    counted = Recount()
    for path in objects_of(example[0]):
        lines, cut = lines_of(path)
        source = path.relative_to(example[0] / "records").parts[0]
        for line in lines:
            counted.records[source] += 1
            counted.add(line)
        if cut:
            counted.records[source] += 1
            counted.unreadable["decompression_error"] += 1
    return counted


def test_equal_arguments_write_equal_bytes_and_times(example: tuple[Path, Planted], tmp_path: Path) -> None:
    again = generate(tmp_path, days=2, calls=CALLS, seed=7)
    assert state_of(tmp_path) == state_of(example[0])
    assert again == example[1]
    assert (tmp_path / "llmops.toml").read_text() == (example[0] / "llmops.toml").read_text()


def test_another_seed_writes_other_calls(example: tuple[Path, Planted], tmp_path: Path) -> None:
    assert generate(tmp_path, days=2, calls=CALLS, seed=8).digest != example[1].digest


def test_a_second_call_touches_no_file(example: tuple[Path, Planted]) -> None:
    folder = example[0]
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert generate(folder, days=2, calls=CALLS, seed=7) == example[1]
    after = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_lost_object_is_written_again_as_it_was(tmp_path: Path) -> None:
    generate(tmp_path, days=1, calls=300)
    before = state_of(tmp_path)
    objects_of(tmp_path)[3].unlink()
    objects_of(tmp_path)[5].write_bytes(b"{}")
    generate(tmp_path, days=1, calls=300)
    assert state_of(tmp_path) == before


def test_other_arguments_replace_the_example_and_leave_foreign_files(tmp_path: Path) -> None:
    generate(tmp_path / "reused", days=2, calls=300)
    foreign = tmp_path / "reused" / "records" / "apps" / "mine.ndjson"
    foreign.write_text("{}\n")
    generate(tmp_path / "reused", days=1, calls=300)
    generate(tmp_path / "fresh", days=1, calls=300)
    assert foreign.read_text() == "{}\n"
    foreign.unlink()
    assert state_of(tmp_path / "reused") == state_of(tmp_path / "fresh")


def test_an_unfinished_example_with_other_arguments_is_refused(tmp_path: Path) -> None:
    (tmp_path / "planted.json").write_text(Planted({"calls": 5}).to_json())
    with pytest.raises(GeneratorError, match="unfinished"):
        generate(tmp_path, days=1, calls=300)


def test_planted_counts_survive_their_file(example: tuple[Path, Planted]) -> None:
    assert Planted.load(example[0]) == example[1]


def test_every_kind_of_dirt_is_there(example: tuple[Path, Planted]) -> None:
    planted = example[1]
    assert set(planted.rejects) == {
        "malformed_json",
        "not_an_object",
        "unknown_format",
        "missing_timestamp",
        "implausible_timestamp",
        "future_timestamp",
        "bad_type",
        "negative_tokens",
        "token_overflow",
        "parts_exceed_total",
        "bad_encoding",
        "duplicate_key",
        "decompression_error",
    }
    assert min(planted.exact_duplicates, planted.conflicts, planted.late_records) > 0
    assert min(planted.unknown_model_calls, planted.usage_missing_calls, planted.truncated_objects) > 0


def test_calls_asked_for_are_the_events(example: tuple[Path, Planted]) -> None:
    planted = example[1]
    assert planted.events == CALLS
    assert sum(planted.tenants.values()) == CALLS
    assert planted.records == planted.accepted + planted.rejected


def test_objects_and_records_are_those_in_the_files(example: tuple[Path, Planted], recount: Recount) -> None:
    folder, planted = example
    assert planted.objects == len(objects_of(folder)) == len(planted.files)
    by_source: Counter[str] = Counter()
    for hour in planted.hours:
        by_source[hour.source] += hour.records
    assert by_source == recount.records


def test_rejects_are_those_found_by_reading_the_lines(example: tuple[Path, Planted], recount: Recount) -> None:
    assert dict(recount.unreadable) == example[1].rejects


def test_duplicates_are_those_found_by_comparing_ids(example: tuple[Path, Planted], recount: Recount) -> None:
    exact = sum(len(texts) - len(set(texts)) for texts in recount.by_id.values())
    conflicts = sum(len(set(texts)) - 1 for texts in recount.by_id.values())
    assert (exact, conflicts) == (example[1].exact_duplicates, example[1].conflicts)
    assert len(recount.by_id) + len(recount.without_id) == example[1].events


def test_tokens_are_those_of_the_calls(example: tuple[Path, Planted], recount: Recount) -> None:
    def total(*names: str) -> int:
        return sum(int(first(call, *names) or 0) for call in recount.calls)  # type: ignore[call-overload]

    assert total("promptTokens", "prompt_tokens", "tokens_input") == example[1].tokens_input
    assert total("completionTokens", "completion_tokens", "tokens_output") == example[1].tokens_output


def test_unknown_models_are_counted(example: tuple[Path, Planted], recount: Recount) -> None:
    unknown = [call for call in recount.calls if first(call, "model", "model_name") in UNKNOWN_MODELS]
    assert len(unknown) == example[1].unknown_model_calls


def test_late_records_happened_a_day_before_they_arrived(tmp_path: Path) -> None:
    planted = generate(tmp_path, days=1, calls=3000)
    early = 0
    for path in objects_of(tmp_path):
        for line in lines_of(path)[0]:
            early += b'"timestamp": "2026-10-31' in line or b'"event_time": "2026-10-31' in line
            early += b'"logged_at": "2026-10-31' in line or b'"startTime": 179340' in line
    assert planted.late_records > 0
    assert 0 < early <= planted.late_records


def test_tenants_are_skewed_and_days_have_a_rhythm(example: tuple[Path, Planted]) -> None:
    planted = example[1]
    named = [count for tenant, count in planted.tenants.items() if tenant != "unattributed"]
    assert len(named) == 12
    assert max(named) > 5 * min(named)
    by_hour: Counter[int] = Counter()
    for hour in planted.hours:
        by_hour[hour.arrival_hour.hour] += hour.records
    assert by_hour[14] > 3 * by_hour[2]


def test_objects_arrive_within_or_just_after_their_hour(example: tuple[Path, Planted]) -> None:
    for path in objects_of(example[0]):
        day, hour = path.relative_to(example[0] / "records").parts[1:3]
        seconds = path.stat().st_mtime - (1_793_491_200 + (int(day[-2:]) - 1) * 86_400 + int(hour) * 3600)
        assert 0 < seconds < 3700, path


def test_prompts_carry_the_canary(example: tuple[Path, Planted]) -> None:
    payloads = [path for path in objects_of(example[0]) if path.name.startswith("batch_")]
    assert any(CANARY.encode() in line for path in payloads for line in lines_of(path)[0])


def test_plain_gzip_and_zstd_and_tables_are_all_written(example: tuple[Path, Planted]) -> None:
    suffixes = {path.suffix for path in objects_of(example[0])}
    assert suffixes == {".ndjson", ".jsonl", ".gz", ".zst", ".csv", ".parquet", ".json"}


def test_a_truncated_gzip_cannot_be_read_to_its_end(example: tuple[Path, Planted]) -> None:
    cut = [path for path in objects_of(example[0]) if path.name == "part-07.ndjson.gz"]
    assert len(cut) == example[1].truncated_objects
    for path in cut:
        with pytest.raises(EOFError):
            gzip.decompress(path.read_bytes())
        assert path.read_bytes()[:2] == b"\x1f\x8b"
        assert zlib.decompressobj(31).decompress(path.read_bytes()).endswith(b"\n")


def test_an_example_with_empty_hours_still_adds_up(tmp_path: Path) -> None:
    planted = generate(tmp_path, days=3, calls=100)
    assert planted.events == 100
    assert planted.objects == len(objects_of(tmp_path))
