"""New objects taken in as files of the raw table, whole or not at all, however some of them behave.

An object that changes while it is read is looked at again; one that cannot be read is left out with its
reason, and whatever was decoded of it is dropped. Fetching again after a passing fault is the store's business.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import duckdb

from llmops_assets.ingest.decoding import Decoded
from llmops_assets.lake import Lake
from llmops_assets.sources import Failed, ObjectChanged, ObjectError, ObjectGone, ObjectRef, Store
from llmops_assets.tables import RAW

ROUNDS = 3
FIRST_PAUSE_S = 0.2

Decode = Callable[[list[ObjectRef], Failed], Decoded]


@dataclass
class Intake:
    """Files that belong to no snapshot yet, what they hold, and what is missing from them."""

    files: list[str] = field(default_factory=list)
    taken: list[ObjectRef] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    failures: dict[str, ObjectError] = field(default_factory=dict)


def take_in(
    refs: list[ObjectRef], store: Store, decode: Decode, lake: Lake, connection: duckdb.DuckDBPyConnection
) -> Intake:
    """Decode `refs`; `decode` enters those that could not be read by their index."""
    intake = Intake()
    for number in range(ROUNDS):
        failed: Failed = {}
        decoded = decode(refs, failed)
        uris = [refs[at].uri for at in failed]
        intake.files += without(lake, connection, decoded.files, uris)
        intake.taken += [ref for at, ref in enumerate(refs) if at not in failed]
        intake.durations |= {refs[at].uri: spent for at, spent in decoded.durations_ms.items() if at not in failed}
        intake.failures |= {refs[at].uri: error for at, error in failed.items()}
        refs = [] if number == ROUNDS - 1 else _changed(refs, store, failed, intake)
        if not refs:
            break
        time.sleep(FIRST_PAUSE_S * 2**number)
    return intake


def _changed(refs: list[ObjectRef], store: Store, failed: Failed, intake: Intake) -> list[ObjectRef]:
    """The objects that are another version now, as that version; they are failures no more."""
    found = []
    for at, error in failed.items():
        if isinstance(error, ObjectChanged) and (ref := _now(refs[at], store, intake)) is not None:
            del intake.failures[ref.uri]
            found.append(ref)
    return found


def _now(ref: ObjectRef, store: Store, intake: Intake) -> ObjectRef | None:
    """The object as it is now, or None with the reason entered."""
    try:
        entry = store.look(ref.key)
    except ObjectError as error:
        intake.failures[ref.uri] = error
        return None
    if entry is None:
        intake.failures[ref.uri] = ObjectGone(ref.uri)
        return None
    return replace(ref, version=entry.version, size=entry.size, last_modified=entry.last_modified)


def without(lake: Lake, connection: duckdb.DuckDBPyConnection, files: list[str], uris: list[str]) -> list[str]:
    """Files with the rows of `files`, less those of objects `uris`."""
    if not uris or not files:
        return files
    spoilt = connection.execute(
        "select distinct filename from read_parquet(?, filename = true) where list_contains(?, uri)", [files, uris]
    ).fetchall()
    names = [name for (name,) in spoilt]
    if not names:
        return files
    rest = (
        f"(select * exclude (filename) from read_parquet({literal(names)}, filename = true) "
        f"where not list_contains({literal(uris)}, uri))"
    )
    return [*(file for file in files if file not in set(names)), *lake.write(RAW, connection, rest).files]


def literal(texts: list[str] | tuple[str, ...]) -> str:
    """A DuckDB list literal; keys may hold quotes."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]::varchar[]"
