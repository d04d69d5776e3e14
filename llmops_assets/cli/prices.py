"""`llmops prices`: make a book, look into it, compare two, and explain one call.

Belongs here: how answers are printed. The answers are `llmops_assets.prices.lookup` and `.explained`.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from llmops_assets.cli.console import errors, out
from llmops_assets.cli.ledger import utc
from llmops_assets.cli.sql import show
from llmops_assets.cli.tables import lines
from llmops_assets.duck import connect
from llmops_assets.lake import Lake
from llmops_assets.prices import PriceBookError, add_configured, current_version, load_book
from llmops_assets.prices.book import BOOKS, known_from, versions
from llmops_assets.prices.explained import Explanation, Line, explained
from llmops_assets.prices.lookup import differences, prices_of
from llmops_assets.settings import Settings
from llmops_assets.tables import REQUESTS

# What a person reads; csv, json and parquet have every column.
_COMPACT = """
    provider, model, service_tier as tier, strftime(valid_from, '%Y-%m-%d %H:%M') as valid_from,
    strftime(valid_to, '%Y-%m-%d %H:%M') as valid_to,
    case when coalesce(daily_from, daily_to) is not null
        then coalesce(left(daily_from::varchar, 5), '00:00') || '–'
            || coalesce(left(daily_to::varchar, 5), '24:00') end as hours,
    case when input_tokens_from > 0 or input_tokens_to is not null
        then input_tokens_from || '–' || coalesce((input_tokens_to - 1)::varchar, '') end as input_tokens,
    meter, usd_per_million, charged_as, case when origin = 'genai-prices' then origin else source end as source
"""


@dataclass(frozen=True)
class Asked:
    """What `llmops prices show` is asked for."""

    model: str
    provider: str | None
    at: datetime | None
    version: str | None
    known_on: datetime | None
    all_meters: bool


def run_update(name: str | None, *, dry_run: bool) -> None:
    """Write a new version if prices have changed, and say how many."""
    from llmops_assets.prices.export import export

    newest = current_version()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) if dry_run else BOOKS
        if dry_run:
            for version in versions():
                shutil.copy(BOOKS / f"{version}.csv", place)
        written = export(place, name)
        if written is None:
            errors.print(f"{newest} is up to date: the installed library has the same prices", highlight=False)
            return
        with connect() as connection:
            load_book(connection, place, only=[newest, written.stem])
            changes = differences(connection, newest, written.stem).aggregate("change, count(*) as prices").fetchall()
    counted = ", ".join(f"{prices:,} {change}" for change, prices in sorted(changes)) or "no price differs"
    verb = "would be" if dry_run else "is"
    errors.print(f"{written.stem} {verb} the newest version; against {newest}: {counted}", highlight=False)
    if not dry_run:
        errors.print(f"review it: llmops prices diff {newest} {written.stem}", highlight=False, soft_wrap=True)
        errors.print(f"then commit {written.name}; hours that are published keep their version", highlight=False)


def run_show(config: Path | None, asked: Asked, style: str) -> None:
    """Print the prices of a model."""
    settings = Settings.load(config)
    version = _version(asked.version, utc(asked.known_on))
    with connect(":memory:", settings.duckdb) as connection:
        load_book(connection, only=[version])
        add_configured(connection, settings.prices)
        options: dict[str, Any] = {"provider": asked.provider, "at": utc(asked.at), "all_meters": asked.all_meters}
        found = prices_of(connection, version, asked.model, **options)
        if not found.aggregate("count(*)").fetchall()[0][0]:
            when = f" at {asked.at:%Y-%m-%dT%H:%M}" if asked.at else ""
            raise PriceBookError(f"{version} knows {asked.model}, but no price of it{when}: its calls are unpriced")
        show(found.project(_COMPACT) if style == "table" else found, style)
    if style == "table":
        errors.print(f"{version}, USD per million", highlight=False)


def run_diff(first: str, second: str, style: str) -> None:
    """Print the differences of two versions."""
    with connect() as connection:
        load_book(connection, only=[first, second])
        show(differences(connection, first, second), style)


def run_why(config: Path | None, event_id: str, *, as_json: bool) -> None:
    """Print how the cost of every call of that id came about."""
    settings = Settings.load(config)
    lake = Lake.open(settings.lake_catalog)
    with connect(":memory:", settings.duckdb) as connection:
        calls = list(_calls(lake, connection, event_id))
        load_book(connection, only={call["price_version"] for call in calls})
        add_configured(connection, settings.prices)
        for call in calls:
            found = explained(connection, call)
            if as_json:
                out.out(json.dumps(_as_json(found), ensure_ascii=False), highlight=False)
            else:
                _print(found)


def _version(version: str | None, known_on: datetime | None) -> str:
    if version is not None and known_on is not None:
        raise PriceBookError("--version and --known-on both say which book: give one")
    if known_on is None:
        return version or current_version()
    known = [one for one in versions() if datetime.fromisoformat(known_from(one)) <= known_on]
    if not known:
        first = versions()[0]
        raise PriceBookError(f"--known-on {known_on:%Y-%m-%dT%H:%MZ}: the first book is known from {known_from(first)}")
    return known[-1]


def _calls(lake: Lake, connection: duckdb.DuckDBPyConnection, event_id: str) -> Iterator[dict[str, Any]]:
    if lake.exists(REQUESTS):
        lake.mount(connection, [REQUESTS])
        rows = connection.execute(
            f"select * from lake.{REQUESTS} where event_id = ? order by event_time, source, uri, line", [event_id]
        )
        names = [column[0] for column in rows.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        if found:
            yield from found
            return
    raise PriceBookError(
        f"no call has the event_id {event_id!r} in llm_requests: run llmops sync if it is new, and find ids with "
        'llmops sql "select event_id, event_time, model from llm_requests limit 10"'
    )


def _print(found: Explanation) -> None:
    call = found.call
    at = call["event_time"].astimezone(UTC)
    name = call["model"] or call["requested_model"] or "unknown model"
    _say(f"{call['event_id']}  {at:%Y-%m-%dT%H:%M:%SZ}  {call['provider'] or 'unknown'}  {name}  {call['source']}")
    if found.rule is None:
        _say(f"rule: none in {call['price_version']} holds for this name: add a price as docs/prices.md says")
    else:
        _say(f"rule: {_rule(found)}")
    heads = ("meter", "quantity", "× usd_per_million", "= amount_usd", "price from")
    shown = [_cells(line) for line in found.lines if line.quantity != 0 or line.amount_usd]
    for line in lines(heads, shown, None):
        _say(line)
    _say(f"list_cost_usd {_text(call['list_cost_usd'])}: {_list_reason(found)}")
    _say(f"cost_usd {_text(call['cost_usd'])}, {call['cost_source']}: {found.reason}")
    if call["reported_cost_usd"] is not None:
        _say(f"reported_cost_usd {_text(call['reported_cost_usd'])}, {call['reported_cost_kind']}")
    if call["flags"]:
        _say(f"flags: {', '.join(call['flags'])}")


def _rule(found: Explanation) -> str:
    rule = dict(found.rule or {})
    limits = {name: rule[name] for name in ("valid_from", "valid_to", "daily_from", "daily_to") if rule[name]}
    if rule["tier_start"] or rule["tier_end"]:
        limits["input_tokens"] = f"[{rule['tier_start']}, {rule['tier_end'] or '∞'})"
    told = "".join(f", {name} {_text(value)}" for name, value in limits.items())
    where = f"{rule['service_tier']} tier{told}, in {found.call['price_version']}"
    return f"{rule['model']}, {where}; names: {rule['rule']}"


def _list_reason(found: Explanation) -> str:
    if found.call["cache_hit"]:
        return f"a cache hit; its meters would be {_text(found.metered_usd)}"
    if not found.agrees:
        return (
            f"the lines give {_text(found.metered_usd)} today. The names or prices of llmops.toml have changed since "
            "the hour was built: materialize it again, or give the change a valid_from"
        )
    if found.metered_usd is None:
        return "a quantity or its price is unknown"
    return "the sum of the lines, each rounded once, half-even, to 1e-12"


def _cells(line: Line) -> tuple[str, ...]:
    source = " ".join(filter(None, (line.origin, line.source)))
    as_other = f" (charged as {line.charged_as})" if line.charged_as else ""
    amounts = (_text(line.usd_per_million), _text(line.amount_usd))
    return (line.meter, _text(line.quantity), *amounts, f"{source}{as_other}" if source else "no price")


def _as_json(found: Explanation) -> dict[str, Any]:
    call = {
        name: value
        for name, value in found.call.items()
        if not name.startswith("meter_") and name not in ("tags", "error_message")
    }
    told = {
        "call": call,
        "rule": found.rule,
        "lines": [asdict(line) for line in found.lines],
        "metered_usd": found.metered_usd,
        "agrees": found.agrees,
        "reason": found.reason,
    }
    return json.loads(json.dumps(told, default=_text))  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    """Decimals as plain text, times in ISO, what is unknown as such."""
    if value is None:
        return "unknown"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _say(text: str) -> None:
    out.out(text, highlight=False)
