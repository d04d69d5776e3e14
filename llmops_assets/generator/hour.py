"""One hour of one source: which records go into which objects, and where the dirt lies.

Belongs here: file names, splits and counting. Every count in `Planted` is made here, when the line is placed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from llmops_assets.generator import dirt, flat
from llmops_assets.generator.litellm import logging_payload
from llmops_assets.generator.objects import COMPRESSIONS, SUFFIXES, Draft, Entry
from llmops_assets.generator.planted import Planted, PlantedHour
from llmops_assets.generator.record import Record
from llmops_assets.generator.traffic import HOUR_US, SOURCES, Call, calls_of_hour

Numbers = np.random.Generator


@dataclass
class HourPlan:
    """What is to be written: where, when, how much and how dirty."""

    source: str
    hour: int
    start: datetime
    calls: int
    dirt: dirt.Plan
    carried: list[Entry]
    is_last: bool

    def compression(self, number: int = 0) -> str:
        """Plain, gzip and zstd take turns."""
        return COMPRESSIONS[(self.hour + SOURCES.index(self.source) + number) % 3]

    def lines(self, stem: str, records: Iterable[Record], number: int = 0, *, after_s: int = 3605) -> Draft:
        """An object of lines, named by its compression."""
        framing = self.compression(number)
        entries = [Entry(dirt.dump(record.fields), record) for record in records]
        return Draft(stem + SUFFIXES[framing], framing, entries, after_s + 7 * number)


def drafts_of(plan: HourPlan, rng: Numbers, planted: Planted) -> tuple[list[Draft], list[Entry]]:
    """The hour's objects, and lines that are delivered once more in the next hour; counts go to `planted`."""
    calls = calls_of_hour(rng, plan.start, plan.calls)
    drafts = [draft for draft in _LAYOUTS[plan.source](plan, calls, rng) if draft.entries]
    places = [draft for draft in drafts if draft.is_lines]
    if not places and (plan.carried or plan.dirt.kinds):
        places = [plan.lines("redelivered-00.ndjson", [])]
        drafts += places
    hour = PlantedHour(plan.source, plan.start)
    _count_calls(drafts, hour, planted)
    redelivered = _repeat(plan, places, rng, hour, planted) if places else []
    if places:
        _spoil(plan, places, rng, hour, planted)
    _cut_object(plan, drafts, hour, planted)
    hour.objects = len(drafts)
    if drafts:
        planted.hours.append(hour)
    return drafts, redelivered


def _gateway(plan: HourPlan, calls: list[Call], rng: Numbers) -> list[Draft]:
    """The handbook's log by hour, some as an array; LiteLLM's payloads in batches, a few alone."""
    is_payload = rng.random(len(calls)) < 0.4
    payloads = [logging_payload(call) for call, chosen in zip(calls, is_payload, strict=True) if chosen]
    log = [flat.request_log(call) for call, chosen in zip(calls, is_payload, strict=True) if not chosen]
    alone = payloads[: 2 if plan.hour % 4 == 1 else 0]
    export = log[: len(log) // 3 if plan.hour % 8 == 5 else 0]
    token = rng.bytes(4).hex()
    return [
        plan.lines("part-00.ndjson", log[len(export) :]),
        plan.lines(f"batch_{plan.start:%H}-59-58_{token}.jsonl", payloads[len(alone) :], 1),
        *(_document(record) for record in alone),
        Draft("export.json", "array", [Entry(dirt.dump(record.fields), record) for record in export], 3640),
    ]


def _document(record: Record) -> Draft:
    """LiteLLM's name for a payload of its own: when it began, and its id."""
    at = datetime.fromtimestamp(record.call.at_us // 1_000_000, UTC)
    name = f"time-{at:%H-%M-%S}-{record.call.at_us % 1_000_000:06d}_{record.fields['id']}.json"
    folder = f"key {record.call.tenant}"
    return Draft(f"{folder}/{name}", "document", [Entry(dirt.dump(record.fields), record)], 3610)


def _apps(plan: HourPlan, calls: list[Call], rng: Numbers) -> list[Draft]:
    """Two services, each with its own file; at times both write to one."""
    is_nine = rng.random(len(calls)) < 0.45
    records = [
        flat.nine_fields(call) if nine and not call.usage_missing else flat.thirteen_fields(call)
        for call, nine in zip(calls, is_nine, strict=True)
    ]
    if plan.hour % 5 == 0:
        return [plan.lines("calls-00.ndjson", records)]
    return [
        plan.lines("api-logs-00.ndjson", (record for record in records if record.has_id)),
        plan.lines("usage-00.ndjson", (record for record in records if not record.has_id), 1),
    ]


def _platform(plan: HourPlan, calls: list[Call], rng: Numbers) -> list[Draft]:
    """The stream's sink: two parts an hour, now and then with a table of the hour's first third."""
    framing = {2: "csv", 5: "parquet"}.get(plan.hour % 6)
    in_table = len(calls) // 3 if framing else 0
    has_ids = rng.random(len(calls)) < 0.88
    records = [
        flat.eleven_columns(call, with_ids=bool(with_ids) or number < in_table)
        for number, (call, with_ids) in enumerate(zip(calls, has_ids, strict=True))
    ]
    table = [Entry(b"", record) for record in records[:in_table]]
    middle = in_table + (len(records) - in_table) // 2
    return [
        Draft(f"events.{framing}", framing or "csv", table, 1830),
        plan.lines("part-00.ndjson", records[in_table:middle], after_s=3605),
        plan.lines("part-01.ndjson", records[middle:], 1),
    ]


_LAYOUTS: dict[str, Callable[[HourPlan, list[Call], Numbers], list[Draft]]] = {
    "gateway": _gateway,
    "apps": _apps,
    "platform": _platform,
}


def _count_calls(drafts: list[Draft], hour: PlantedHour, planted: Planted) -> None:
    """Count the hour's calls, each of them one event."""
    tenants = Counter(planted.tenants)
    for record in (entry.record for draft in drafts for entry in draft.entries if entry.record is not None):
        hour.accept()
        planted.late_records += record.call.late
        planted.unknown_model_calls += record.call.unknown_model
        planted.usage_missing_calls += record.usage_missing
        planted.tokens_input += record.tokens_input or 0
        planted.tokens_output += record.tokens_output or 0
        tenants[record.tenant or "unattributed"] += 1
    planted.tenants = dict(tenants)


def _repeat(plan: HourPlan, places: list[Draft], rng: Numbers, hour: PlantedHour, planted: Planted) -> list[Entry]:
    """Deliver some lines twice, some of them changed; returns those whose second delivery is an hour later."""
    wanted = [name for name, count in plan.dirt.repeats.items() if name != dirt.CUT_OBJECT for _ in range(count)]
    choices = [(draft, entry) for draft in places for entry in draft.entries if entry.record and entry.record.has_id]
    picked = rng.permutation(len(choices))[: len(wanted)]
    later: list[Entry] = []
    for name, place in zip(wanted, picked, strict=False):
        draft, entry = choices[int(place)]
        if name == dirt.REDELIVERED and not plan.is_last:
            later.append(Entry(entry.line))
            continue
        conflict = name == dirt.CONFLICT
        _insert_after(draft, entry, Entry(_otherwise(entry) if conflict else entry.line), rng)
        hour.accept()
        planted.conflicts += conflict
        planted.exact_duplicates += not conflict
    for line in plan.carried:
        _insert_anywhere(places[0], line, rng)
        hour.accept()
        planted.exact_duplicates += 1
    return later


def _otherwise(entry: Entry) -> bytes:
    """The same call told differently: another latency."""
    record = entry.record
    if record is None:
        raise ValueError("only a record can be told differently")
    call = replace(record.call, latency_ms=record.call.latency_ms + 137)
    return dirt.dump(_RENDER[record.shape](call).fields)


_RENDER: dict[str, Callable[[Call], Record]] = {
    "request_log": flat.request_log,
    "litellm": logging_payload,
    "thirteen_fields": flat.thirteen_fields,
    "eleven_columns": flat.eleven_columns,
}


def _insert_after(draft: Draft, entry: Entry, other: Entry, rng: Numbers) -> None:
    place = next(number for number, there in enumerate(draft.entries) if there is entry)
    draft.entries.insert(int(rng.integers(place + 1, min(place + 30, len(draft.entries)) + 1)), other)


def _insert_anywhere(draft: Draft, entry: Entry, rng: Numbers) -> None:
    draft.entries.insert(int(rng.integers(0, len(draft.entries) + 1)), entry)


def _spoil(plan: HourPlan, places: list[Draft], rng: Numbers, hour: PlantedHour, planted: Planted) -> None:
    """Put one bad line per planned defect between the good ones."""
    calls = calls_of_hour(rng, plan.start, len(plan.dirt.kinds))
    for number, (kind, call) in enumerate(zip(plan.dirt.kinds, calls, strict=True)):
        record = _flawless(plan.source, kind, call)
        payloads = [draft for draft in places if draft.name.startswith("batch_")]
        draft = (payloads if kind.shape == dirt.LITELLM and payloads else places)[0]
        _insert_anywhere(draft, Entry(kind.spoil(record, plan.hour + number)), rng)
        hour.reject(kind.reason)
        planted.dirt[kind.name] = planted.dirt.get(kind.name, 0) + 1


def _flawless(source: str, kind: dirt.Kind, call: Call) -> Record:
    """A record with nothing wrong but what is done to it next."""
    good = replace(
        call,
        at_us=call.at_us + (24 * HOUR_US if call.late else 0),
        late=False,
        outcome="ok",
        finish="stop",
        usage_missing=False,
        model_name=call.model.name,
        tokens_output=max(call.tokens_output, 1),
    )
    if kind.shape == dirt.LITELLM:
        return logging_payload(good)
    shape = {"gateway": "request_log", "apps": "thirteen_fields", "platform": "eleven_columns"}[source]
    return _RENDER[shape](good)


def _cut_object(plan: HourPlan, drafts: list[Draft], hour: PlantedHour, planted: Planted) -> None:
    """Move the end of the first lines object into a gzip that was cut off in the middle."""
    whole = next((draft for draft in drafts if draft.is_lines and len(draft.entries) >= 4), None)
    if whole is None or not plan.dirt.repeats.get(dirt.CUT_OBJECT):
        return
    keep = len(whole.entries) * 3 // 4
    drafts.append(Draft("part-07.ndjson.gz", "cut gzip", whole.entries[keep:], 3660))
    del whole.entries[keep:]
    hour.reject("decompression_error")
    planted.truncated_objects += 1
