"""What is new: the objects that a source holds against the object versions that the lake holds.

The object versions in `raw_llm_events` decide, never the ledger and never a cursor. A key keeps the
arrival hour of its first version for ever. Nothing is read or decoded here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from llmops_assets.ingest.kafka_objects import Listing, look, snapshot
from llmops_assets.kafka_settings import KafkaSettings
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings
from llmops_assets.source_settings import AnySource
from llmops_assets.sources import ObjectRef, list_objects, store_of
from llmops_assets.tables import LEDGER, RAW
from llmops_assets.windows import HOUR, Window, hour_of
from llmops_assets.work import digest_of


@dataclass(frozen=True)
class Known:
    """One key that the lake holds: its current version and its arrival hour."""

    version: str
    arrival_hour: datetime


@dataclass(frozen=True)
class Plan:
    """What a refresh of `window` has to do. `base` is the raw snapshot that it was planned on."""

    window: Window
    listed: tuple[ObjectRef, ...]
    new: tuple[ObjectRef, ...]
    replaced: tuple[str, ...]
    unledgered: frozenset[datetime]
    base: int | None
    listing: Listing | None = None
    """Of a Kafka source: its recorded ranges."""

    @property
    def changed_hours(self) -> list[datetime]:
        """Arrival hours whose rows change."""
        return sorted({ref.arrival_hour for ref in self.new})

    @property
    def hours(self) -> dict[datetime, str]:
        """Arrival hours that need anything at all, each with a digest of what is new in it."""
        versions: dict[datetime, list[str]] = {hour: [] for hour in (*self.changed_hours, *sorted(self.unledgered))}
        for ref in self.new:
            versions[ref.arrival_hour].append(f"{ref.uri} {ref.version}")
        return {hour: digest_of(texts) for hour, texts in sorted(versions.items())}


def plan_refresh(lake: Lake, settings: Settings, source: AnySource, window: Window, now: datetime, run_id: str) -> Plan:
    """Compare the source with the lake for the arrival hours in `window`; of a topic, take a snapshot first."""
    base = lake.current_snapshot(RAW)
    known = known_objects(lake, source)
    if isinstance(source, KafkaSettings):
        listing = snapshot(lake, source, window, now, run_id, settings.start)
        return _compare(lake, source, known, listing.refs, window, now, base, listing)
    arrival_hours = {uri: one.arrival_hour for uri, one in known.items()}
    listed = list_objects(source, store_of(source), window, arrival_hours)
    return _compare(lake, source, known, listed, window, now, base)


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
    base = lake.current_snapshot(RAW)
    known = known_objects(lake, source)
    arrival_hours = {uri: one.arrival_hour for uri, one in known.items()}
    span = None if since is None else Window(hour_of(since), hour_of(now) + HOUR)
    listing = look(lake, source, now, settings.start) if isinstance(source, KafkaSettings) else None
    found = listing.refs if listing else _listed(source, span, arrival_hours)
    listed = [ref for ref in found if ref.arrival_hour <= now and (span is None or ref.arrival_hour in span)]
    hours = {ref.arrival_hour for ref in listed} | ({*arrival_hours.values()} if through_now else set())
    delay = timedelta(minutes=settings.warehouse.max_delay_minutes)
    if not hours:
        hours, delay = _hours_of_others(lake, source.name), timedelta(0)
    if not hours:
        return {}
    end = now if through_now else max(hours) + HOUR + delay
    start = min(hours) if since is None else max(min(hours), hour_of(since))
    window = Window(start, max(start, hour_of(end + HOUR - timedelta(microseconds=1))))
    return _compare(lake, source, known, listed, window, now, base, listing).hours


def _listed(source: AnySource, span: Window | None, arrival_hours: Mapping[str, datetime]) -> Iterable[ObjectRef]:
    if isinstance(source, KafkaSettings):
        return ()
    return list_objects(source, store_of(source), span, arrival_hours)


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
    listed: Iterable[ObjectRef],
    window: Window,
    now: datetime,
    base: int | None,
    listing: Listing | None = None,
) -> Plan:
    inside = tuple(ref for ref in listed if ref.arrival_hour in window)
    unread, gaps = (listing.unread, listing.gaps) if listing else (frozenset[str](), frozenset[str]())
    new = tuple(
        ref
        for ref in inside
        if ref.uri in unread
        or (ref.uri not in gaps and (ref.uri not in known or known[ref.uri].version != ref.version))
    )
    known = {ref.uri: Known(ref.version, ref.arrival_hour) for ref in inside if ref.uri in gaps} | dict(known)
    return Plan(
        window=window,
        listed=inside,
        new=new,
        replaced=tuple(sorted(ref.uri for ref in new if ref.uri in known)),
        unledgered=_unledgered(lake, source.name, window, known, now),
        base=base,
        listing=listing,
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
    empty_only = "and records = 0 and uri is not null" if table == LEDGER else ""
    with lake.reader([table]) as connection:
        rows = connection.execute(
            f"select distinct uri, version, arrival_hour from lake.{table} where source = ? {empty_only} order by all",
            [source],
        ).fetchall()
    return [(uri, version, hour.astimezone(UTC)) for uri, version, hour in rows]


def _unledgered(
    lake: Lake,
    source: str,
    window: Window,
    known: Mapping[str, Known],
    now: datetime,
) -> frozenset[datetime]:
    """Hours whose ledger rows do not tell what the lake holds, or were written before the hour had ended."""
    holds = {(one.arrival_hour, uri) for uri, one in known.items() if one.arrival_hour in window}
    entered, ended = _ledger_state(lake, source, window)
    wrong = {hour for hour, _ in holds ^ entered}
    open_hours = {hour.start for hour in window.hours() if hour.end <= now} - ended
    return frozenset(wrong | open_hours)


def _ledger_state(lake: Lake, source: str, window: Window) -> tuple[set[tuple[datetime, str]], set[datetime]]:
    if not lake.exists(LEDGER):
        return set(), set()
    with lake.reader({LEDGER: window}) as connection:
        rows = connection.execute(
            "select arrival_hour, uri, checked_at >= arrival_hour + interval 1 hour "
            f"from lake.{LEDGER} where source = ?",
            [source],
        ).fetchall()
    entered = {(hour.astimezone(UTC), uri) for hour, uri, _ in rows if uri is not None}
    return entered, {hour.astimezone(UTC) for hour, _, ended in rows if ended}
