"""A day's report as one HTML page: no network, no script, readable on a phone, light and dark.

Every number opens to the query that gives it. Belongs here: order and words of the page. Values are
`reports.content`, charts `reports.charts`.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmops_assets.reports.amounts import Unit, change, shown, usd
from llmops_assets.reports.charts import Bar, Step, bars, steps
from llmops_assets.reports.content import ASSUMPTIONS, Figure, Report, Rows, shown_query
from llmops_assets.reports.markup import Child, Markup, element, joined

STYLE = Path(__file__).with_name("page.css")
MAIN_FINDINGS = 3
_BARS = 8


def page(report: Report) -> str:
    """The whole page."""
    title = f"LLM spend, {report.day:%A} {report.day.day} {report.day:%B %Y}"
    style = Markup(STYLE.read_text(encoding="utf-8"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="digest", content=report.digest),
        element("title", title),
        element("style", style),
    )
    main = element("main", element("h1", title), *_sections(report), _footer(report))
    return f"<!DOCTYPE html>\n{element('html', head, element('body', main), lang='en')}\n"


def _sections(report: Report) -> Iterator[Markup]:
    yield element("p", "Cost optimization report of one UTC day. Tap a number for its query.", class_="soft")
    if not report.is_complete:
        yield element(
            "p", "Not all data of this day was there when this was made: numbers will change.", class_="notice"
        )
    yield _tiles(report)
    yield from _findings(report)
    yield from _spend(report)
    yield from _routing(report)
    yield from _caching(report)
    yield from _losses(report)
    yield from _users(report)
    yield from _unknowns(report)


def _tiles(report: Report) -> Markup:
    keys = ("spend_usd", "change_day_before", "change_week_before", "routing_saving_usd", "unpriced_requests")
    return element("div", *(_figure(report.figures[key]) for key in keys), class_="tiles")


def _findings(report: Report) -> Iterator[Markup]:
    yield element("h2", "What to look at first")
    found = report.findings[:MAIN_FINDINGS]
    if found:
        yield element("ol", *(element("li", one.title + ".") for one in found), class_="findings")
    else:
        yield element("p", "Nothing that costs money was found to change.")


def _spend(report: Report) -> Iterator[Markup]:
    yield element("h2", "Spend and why it changed")
    yield element(
        "p",
        "Volume is the change of tokens at the old cost of a token; rate is the change of that cost within each "
        "tenant, feature, provider and model; mix is the rest: calls that moved between these, began or ended. The "
        "three add up to the change exactly. A mark in a bar is the day before.",
        class_="soft",
    )
    yield _bridges(report)
    tables = [report.tables[f"spend_by_{dimension}"] for dimension in ("tenant", "feature", "provider", "model")]
    yield element("div", *(_spend_chart(table) for table in tables), class_="pair")
    for table in tables:
        summary = element("summary", f"{table.query.title}: change, effects, calls")
        yield element("details", summary, _table(table), class_="query")
    yield _figures(report, "requests", *_effect_keys("day"), *_effect_keys("week"))


def _effect_keys(other: str) -> list[str]:
    return [f"{key}_{other}_before" for key in ("cost", "change", "volume_effect", "rate_effect", "mix_effect")]


def _bridges(report: Report) -> Markup:
    return element("div", *(_bridge(report, other) for other in ("day", "week")), class_="pair")


def _bridge(report: Report, other: str) -> Markup:
    heading = element("h3", f"Against the {other} before")
    before, changed, *effects = (report.figures[key].value for key in _effect_keys(other))
    spend = report.figures["spend_usd"].value
    if changed is None:
        reason = "Unknown: that day is not complete, or no cost of one of the two is known."
        return element("div", heading, element("p", reason, class_="soft"))
    rows = [Step(f"{other.capitalize()} before", before, usd(before), is_level=True)]
    for name, effect in zip(("Volume", "Rate", "Mix"), effects, strict=True):
        rows.append(Step(name, effect, change(effect)))
    rows.append(Step("This day", spend, usd(spend), is_level=True))
    return element("div", heading, steps(f"Spend against the {other} before", rows))


def _spend_chart(table: Rows) -> Markup:
    chart = bars(f"Spend {table.query.title.lower()}", list(_spend_bars(table)))
    return element("div", element("h3", table.query.title), chart)


def _spend_bars(table: Rows) -> Iterator[Bar]:
    for name, cost, changed, *_ in table.rows[:_BARS]:
        if cost is not None:
            yield Bar(name, cost, usd(cost), None if changed is None else cost - changed)


def _routing(report: Report) -> Iterator[Markup]:
    yield element("h2", "Routing: the same tokens on another model")
    recommended = report.tables["routing_recommended"]
    drawn = [_saving_bar(*row[:5]) for row in recommended.rows[:_BARS]]
    if drawn:
        yield bars("Greatest savings of a day", drawn)
    yield _figures(report, "routing_saving_usd", "routing_recommendations")
    for key in ("routing_recommended", "routing_unknown", "routing_worse", "signals"):
        yield from _titled(report.tables[key])
    yield element("h3", "What this assumes")
    yield element("ul", *(element("li", one) for one in ASSUMPTIONS), class_="assumptions")


def _saving_bar(saving: Decimal, alternative: str, _: str, tenant: str, feature: str) -> Bar:
    return Bar(f"{tenant}, {feature}: {alternative.split(' ', 1)[1]}", saving, usd(saving))


def _caching(report: Report) -> Iterator[Markup]:
    yield element("h2", "Caches")
    yield element(
        "p",
        "A gateway's cache answers without the provider; a provider's prompt cache makes repeated input cheaper. Only "
        "calls that tell of a cache are counted for it. Input that a call writes to a cache is no miss.",
        class_="soft",
    )
    yield _figures(report, *(key for key in report.figures if key.startswith(("gateway_", "prompt_cache_"))))
    yield from _titled(report.tables["caching"])


def _losses(report: Report) -> Iterator[Markup]:
    yield element("h2", "Paid for and of no use")
    yield element("h3", "Failed calls")
    yield _figures(report, "failed_requests", "paid_failures", "paid_failures_cost_usd", "failures_without_cost")
    yield from _titled(report.tables["failures"])
    yield element("h3", "Retries")
    yield _figures(
        report,
        *("attempts_per_request", "logical_requests", "retries", "retried_cost_usd", "retried_without_cost"),
        "requests_without_id",
    )
    yield from _titled(report.tables["retries"])
    yield element("h3", "Answers cut off at their length")
    yield _figures(report, "truncated_requests", "truncation_rate", "truncated_cost_usd", "truncated_without_cost")
    yield from _titled(report.tables["truncated"])


def _users(report: Report) -> Iterator[Markup]:
    yield element("h2", "Users")
    yield from _titled(report.tables["users"])
    yield _figures(report, "requests_without_user", "cost_without_user_usd")


def _unknowns(report: Report) -> Iterator[Markup]:
    yield element("h2", "What is not known")
    yield element("p", "An unknown cost is never counted as zero: spend above is what is known.", class_="soft")
    keys = ("unpriced_requests", "price_missing_requests", "usage_missing_requests", "unpriced_tokens")
    yield _figures(report, *keys, "unpriced_without_tokens")
    yield from _titled(report.tables["unpriced"])
    yield element("h3", "Calls without a tenant")
    yield _figures(report, "unattributed_requests", "unattributed_tokens", "unattributed_cost_usd")
    yield from _titled(report.tables["unattributed"])


def _footer(report: Report) -> Markup:
    return element(
        "footer",
        f"Made of the tables report_* of {report.day.isoformat()}. The same figures, unrounded, are in the JSON file "
        f"beside this page. Content {report.digest[:16]}.",
    )


def _figures(report: Report, *keys: str) -> Markup:
    return element("div", *(_figure(report.figures[key]) for key in keys), class_="figures")


def _figure(figure: Figure) -> Markup:
    kind = _class_of(figure.value, figure.query.unit, "number")
    summary = element(
        "summary",
        element("span", figure.query.label, class_="label"),
        element("span", figure.shown, class_=kind, **_exactly(figure.value)),
    )
    return element("details", summary, element("pre", shown_query(figure)))


def _titled(table: Rows) -> Iterator[Markup]:
    if table.rows:
        yield element("h3", table.query.title)
        yield _table(table)


def _table(table: Rows) -> Markup:
    units = [unit for _, unit in table.query.columns]
    head = element("tr", *(element("th", name, **_cell(unit)) for name, unit in table.query.columns))
    body = [_row(row, units) for row in table.rows]
    query = element("details", element("summary", "Query"), element("pre", shown_query(table)), class_="query")
    rows = element("table", element("thead", head), *([element("tbody", *body)] if body else []))
    return joined(element("div", rows, class_="wide"), query)


def _row(row: Sequence[Any], units: Sequence[Unit]) -> Markup:
    cells: list[Child] = [
        element("td", shown(value, unit), **_cell(unit, value), **_exactly(value))
        for value, unit in zip(row, units, strict=True)
    ]
    return element("tr", *cells)


def _cell(unit: Unit, value: Any = None) -> dict[str, str]:
    name = _class_of(value, unit, "text" if unit == "text" else "")
    return {"class_": name} if name else {}


def _class_of(value: Any, unit: Unit, also: str) -> str:
    way = "" if unit != "change" or not value else " up" if value > 0 else " down"
    return (also + way).strip()


def _exactly(value: Any) -> dict[str, str]:
    """The unrounded amount, shown where there is a pointer."""
    return {"title": f"{value:f} USD"} if isinstance(value, Decimal) else {}
