"""What is new: the objects that a source holds against the object versions that the lake holds.

The object versions in `raw_llm_events` decide, never the ledger and never a cursor. A key keeps the
arrival hour of its first version for ever. Nothing is read or decoded here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from llmops_assets.ingest.kafka_objects import look, snapshot
from llmops_assets.ingest.listing import Listing
from llmops_assets.ingest.notifications import take_notifications, told
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource, SourceSettings
from llmops_assets.sources import ObjectRef, list_objects, named_objects, store_of
from llmops_assets.tables import LEDGER, LEDGER_SPEC, RAW
from llmops_assets.windows import HOUR, Window, hour_of
from llmops_assets.work import digest_of


@dataclass(frozen=True, slots=True)
class Known:
    """One key that the lake holds: its current version and its arrival hour."""

    version: str
    arrival_hour: datetime


@dataclass(frozen=True)
class Again:
    """What is to be decoded once more though the lake has it: objects to `read`, and those whose payloads were
    `replayed`. The ledger's entries of `hours` are made again."""

    read: frozenset[str] = frozenset()
    replayed: frozenset[str] = frozenset()
    hours: frozenset[datetime] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What a refresh of `window` has to do. `base` is the raw snapshot that it was planned on."""

    window: Window
    listed: tuple[ObjectRef, ...]
    new: tuple[ObjectRef, ...]
    replaced: tuple[str, ...]
    gone: frozenset[str]
    unledgered: frozenset[datetime]
    base: int | None

    @property
    def changed_hours(self) -> list[datetime]:
        """Arrival hours whose rows change."""
        return sorted({ref.arrival_hour for ref in self.new})

    @property
    def hours(self) -> dict[datetime, str]:
        """Arrival hours that need anything at all, each with a digest of what is new in it."""
        return _digests(self.new, self.unledgered)


def plan_refresh(
    lake: Lake,
    settings: Settings,
    source: AnySource,
    window: Window,
    now: datetime,
    run_id: str,
    again: Again | None = None,
) -> Plan:
    """Compare the source with the lake for the arrival hours in `window`; of a topic, take a snapshot first."""
    again = again or Again()
    base = lake.current_snapshot(RAW)
    known = known_objects(lake, source)
    if isinstance(source, KafkaSettings):
        listing = snapshot(lake, source, window, now, run_id, settings.start)
    else:
        take_notifications(lake, settings, source, now, run_id)
        listing = replace(_found(lake, source, window, known), unread=again.read)
    plan = _compare(lake, source, known, listing, window, now, base)
    return replace(plan, unledgered=plan.unledgered | again.hours)


def pending_hours(
    lake: Lake,
    settings: Settings,
    source: AnySource,
    now: datetime,
    since: datetime | None = None,
    *,
    through_now: bool = False,
) -> dict[datetime, str]:
    """Arrival hours from `since` on that hold something new, or that ended without being taken in.

    Each comes with a digest of what is new in it. Hours without objects count from the first object (of the other
    sources, if this one never had any) to the allowed delay after the last, or `through_now`.

    Costs one listing of the source (of the hours from `since`, where the layout allows it).
    """
    if lake.exists(LEDGER):
        lake.ensure(LEDGER_SPEC)  # one that an older version made lacks columns
    base = lake.current_snapshot(RAW)
    known = known_objects(lake, source)
    span = None if since is None else Window(hour_of(since), hour_of(now) + HOUR)
    if isinstance(source, KafkaSettings):
        listing = look(lake, source, now, settings.start)
    else:
        take_notifications(lake, settings, source, now, "look")
        listing = _found(lake, source, span, known)
    found = [ref for ref in listing.refs if ref.arrival_hour <= now]
    listed = [ref for ref in found if span is None or ref.arrival_hour in span]
    late = _new([ref for ref in found if span is not None and ref.arrival_hour not in span], known)
    # An hour whose objects were all deleted still has to be looked at.
    hours = {ref.arrival_hour for ref in listed} | {one.arrival_hour for one in known.values()}
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    if not hours:
        hours, delay = _hours_of_others(lake, source.name), timedelta(0)
    if not hours:
        return _digests(late)
    end = now if through_now else max(hours) + HOUR + delay
    start = min(hours) if since is None else max(min(hours), hour_of(since))
    window = Window(start, max(start, hour_of(end + HOUR - timedelta(microseconds=1))))
    inside = replace(listing, refs=tuple(listed))
    return _digests(late) | _compare(lake, source, known, inside, window, now, base).hours


def _found(lake: Lake, source: SourceSettings, window: Window | None, known: Mapping[str, Known]) -> Listing:
    """What a listing finds in the window, and what files and notifications name, of any hour; each object once."""
    hours, store = {uri: one.arrival_hour for uri, one in known.items()}, store_of(source)
    found = list(list_objects(source, store, window, hours)) if source.listing == "all" else []
    reach = store.uri(store.root) if source.listing == "all" else None
    if source.manifest is None and source.notifications is None:
        return Listing(tuple(found), reach=reach)
    by_uri = {ref.uri: ref for ref in found}
    if source.manifest is not None:
        files = store_of(source, source.manifest)
        by_uri = {uri: ref for uri, ref in by_uri.items() if not uri.startswith(files.uri(files.root))}
    since = window.start if window else None
    versions = {uri: one.version for uri, one in known.items()}
    # What the listing found needs no look of its own.
    versions |= {uri: ref.version for uri, ref in by_uri.items()}
    for ref in named_objects(source, store, since, versions, hours, told(lake, source, since)):
        by_uri.setdefault(ref.uri, ref)
    return Listing(tuple(by_uri.values()), reach=reach)


def _new(
    refs: Iterable[ObjectRef], known: Mapping[str, Known], unread: frozenset[str] = frozenset()
) -> tuple[ObjectRef, ...]:
    return tuple(
        ref for ref in refs if ref.uri in unread or ref.uri not in known or known[ref.uri].version != ref.version
    )


def _digests(new: Iterable[ObjectRef], others: Iterable[datetime] = ()) -> dict[datetime, str]:
    """Hours of new objects and other hours, each with a digest of what is new in it."""
    versions: dict[datetime, list[str]] = {hour: [] for hour in others}
    for ref in new:
        versions.setdefault(ref.arrival_hour, []).append(f"{ref.uri} {ref.version}")
    return {hour: digest_of(texts) for hour, texts in sorted(versions.items())}


def _hours_of_others(lake: Lake, source: str) -> set[datetime]:
    """The first and the last arrival hour that the other sources have; none if they have none either."""
    if not lake.exists(LEDGER):
        return set()
    with lake.reader([LEDGER]) as connection:
        rows = connection.execute(
            f"select min(arrival_hour), max(arrival_hour) from lake.{LEDGER} where source <> ?", [source]
        ).fetchall()
    return {at.astimezone(UTC) for at in rows[0] if at is not None}


def _compare(
    lake: Lake,
    source: AnySource,
    known: Mapping[str, Known],
    listing: Listing,
    window: Window,
    now: datetime,
    base: int | None,
) -> Plan:
    inside = tuple(ref for ref in listing.refs if ref.arrival_hour in window)
    # Of a gap there are no rows, and there will be none: it is known.
    known = dict(known) | {ref.uri: Known(ref.version, ref.arrival_hour) for ref in inside if ref.uri in listing.gaps}
    new = _new(inside, known, listing.unread)
    entered = _ledger_state(lake, source.name, window)
    there = {ref.uri for ref in inside}
    expected = {uri for uri, one in known.items() if one.arrival_hour in window and one.arrival_hour <= now}
    reached = {uri for uri in expected if listing.reach is not None and uri.startswith(listing.reach)}
    gone = frozenset((reached | entered.failed) - there)
    return Plan(
        window=window,
        listed=inside,
        new=new,
        replaced=tuple(sorted(ref.uri for ref in new if ref.uri in known)),
        gone=gone,
        unledgered=_unledgered(entered, window, known, gone, now),
        base=base,
    )


def known_objects(lake: Lake, source: AnySource) -> dict[str, Known]:
    """The keys of a source that the lake holds, from the raw rows and, for empty objects, the ledger."""
    known: dict[str, Known] = {}
    for table in (LEDGER, RAW):
        for uri, version, hour in _versions(lake, table, source.name):
            known[uri] = Known(version, hour)
    return known


def _versions(lake: Lake, table: str, source: str) -> list[tuple[str, str, datetime]]:
    if not lake.exists(table):
        return []
    empty_only = "and records = 0 and uri is not null and failure is null" if table == LEDGER else ""
    with lake.reader([table]) as connection:
        rows = connection.execute(
            f"select distinct uri, version, arrival_hour from lake.{table} where source = ? {empty_only} order by all",
            [source],
        ).fetchall()
    return [(uri, version, hour.astimezone(UTC)) for uri, version, hour in rows]


@dataclass
class _Entered:
    """What the ledger says of the hours of a window."""

    objects: set[tuple[datetime, str]] = field(default_factory=set)
    hours: dict[str, datetime] = field(default_factory=dict)
    ended: set[datetime] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def add(self, hour: datetime, uri: str | None, has_ended: bool, has_failed: bool, is_deleted: bool) -> None:
        if has_ended:
            self.ended.add(hour)
        if uri is None:
            return
        self.hours[uri] = hour
        if has_failed:
            self.failed.add(uri)
        else:
            self.objects.add((hour, uri))
        if is_deleted:
            self.deleted.add(uri)


def _unledgered(
    entered: _Entered, window: Window, known: Mapping[str, Known], gone: frozenset[str], now: datetime
) -> frozenset[datetime]:
    """Hours whose ledger rows do not tell what is held, missing or deleted, or were written before the hour's end."""
    holds = {(one.arrival_hour, uri) for uri, one in known.items() if one.arrival_hour in window}
    wrong = {hour for hour, _ in holds ^ entered.objects}
    misjudged = (gone ^ entered.deleted) | (entered.failed - entered.deleted)
    wrong |= {known[uri].arrival_hour if uri in known else entered.hours[uri] for uri in misjudged}
    open_hours = {hour.start for hour in window.hours() if hour.end <= now} - entered.ended
    return frozenset((wrong | open_hours) & {hour.start for hour in window.hours()})


def _ledger_state(lake: Lake, source: str, window: Window) -> _Entered:
    entered = _Entered()
    if not lake.exists(LEDGER):
        return entered
    with lake.reader({LEDGER: window}) as connection:
        rows = connection.execute(
            "select arrival_hour, uri, checked_at >= arrival_hour + interval 1 hour, failure is not null, "
            f"deleted_since is not null from lake.{LEDGER} where source = ?",
            [source],
        ).fetchall()
    for hour, uri, has_ended, has_failed, is_deleted in rows:
        entered.add(hour.astimezone(UTC), uri, has_ended, has_failed, is_deleted)
    return entered
