"""The commands and their help. Heavy modules are imported inside the commands, so that `--help` is quick."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from llmops_assets.cli.options import ConfigOption, SqlFormat
from llmops_assets.cli.options import explained as _explained
from llmops_assets.cli.prices_app import prices_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="Raw LLM call records in; trusted metrics, cost attribution and bills out.",
    epilog="Start with [bold]make demo[/bold], or write an llmops.toml and run [bold]llmops sync[/bold].",
)


class Period(StrEnum):
    """By what `llmops ledger` adds up."""

    hour = "hour"
    day = "day"
    all = "all"


class TokenAction(StrEnum):
    """What `llmops token` does."""

    create = "create"


@app.command(epilog="Examples:\n\nllmops sync\n\nllmops sync --since 2026-11-01\n\nLLMOPS_CONFIG=prod.toml llmops sync")
def sync(
    config: ConfigOption = None,
    since: Annotated[
        datetime | None, typer.Option(help="Look for objects from this arrival hour on (UTC); default: all.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Catch up with everything that is due: new and changed objects, the event hours they touched, daily tables.

    Runs through Dagster on the configured instance, so that runs and checks show in its UI.
    Exit code 0 only if everything due was published. Safe to run beside another one.
    """
    from llmops_assets.cli.sync import run

    with _explained():
        raise typer.Exit(run(config, since, quiet=quiet))


@app.command(
    epilog='Examples:\n\nllmops sql "select model, sum(cost_usd) from llm_requests group by all"\n\n'
    'llmops sql "from llm_operations_metrics limit 5" --format csv\n\n'
    'llmops sql "from tenant_cost_daily" --as-of 2026-11-20T06:00:00 --format parquet > costs.parquet'
)
def sql(
    query: Annotated[str, typer.Argument(help="One select over the lake's tables by their plain names.")],
    config: ConfigOption = None,
    format_: Annotated[SqlFormat, typer.Option("--format", "-f", help="How to print rows.")] = SqlFormat.table,
    as_of: Annotated[
        datetime | None, typer.Option(help="Read the tables as they were at this time (UTC unless an offset is given).")
    ] = None,
) -> None:
    """Query the lake. Read-only, and safe beside running pipelines."""
    from llmops_assets.cli.sql import run

    with _explained():
        run(query, config, str(format_), as_of)


@app.command(
    epilog="Examples:\n\nllmops ledger\n\nllmops ledger --from 2026-11-01 --to 2026-11-02 --source gateway --by hour"
)
def ledger(
    config: ConfigOption = None,
    start: Annotated[datetime | None, typer.Option("--from", help="First arrival hour (UTC); default: all.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="End of the arrival hours, exclusive.")] = None,
    source: Annotated[str | None, typer.Option(help="One source; default: all.")] = None,
    by: Annotated[Period, typer.Option(help="Add up by hour or day of arrival, or all of it.")] = Period.day,
    format_: Annotated[SqlFormat, typer.Option("--format", "-f", help="How to print rows.")] = SqlFormat.table,
) -> None:
    """Show what every source delivered and what became of it: rejected, calls, duplicates, conflicts.

    records = accepted + rejected + not_a_call + report;
    accepted = events + exact_duplicates + conflicts + reconciliation_records + unbuilt.
    """
    from llmops_assets.cli.ledger import run

    with _explained():
        run(config, start, end, source, str(by), str(format_))


@app.command(
    epilog="Examples:\n\nllmops replay --source gateway --reason unknown_format\n\n"
    "llmops replay --source bus --reason bad_type --from 2026-11-01 --to 2026-11-02"
)
def replay(
    source: Annotated[str, typer.Option(help="The source whose records were rejected.")],
    reason: Annotated[str, typer.Option(help="The reason, as the ledger names it.")],
    config: ConfigOption = None,
    start: Annotated[datetime | None, typer.Option("--from", help="First arrival hour (UTC); default: all.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="End of the arrival hours, exclusive.")] = None,
) -> None:
    """Decode rejected records once more, after a format was mended or added.

    Reads the objects again, or, where they are gone, the stored payloads. The ledger keeps the rejects of both passes.
    """
    from llmops_assets.cli.replay import run

    with _explained():
        run(config, source, reason, start, end)


@app.command(
    epilog="Examples:\n\nllmops decode calls.ndjson\n\nllmops decode logs/*.jsonl.gz --json | jq .reason\n\n"
    "llmops decode export.csv --format flat --source gateway"
)
def decode(
    files: Annotated[list[Path], typer.Argument(help="Files, plain or compressed, or folders of them.")],
    config: ConfigOption = None,
    format_: Annotated[
        str | None, typer.Option("--format", "-f", help="Decode as this format only (default: the source's, or auto).")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Decode as records of this configured source (default: as none).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per record, with the whole event.")] = False,
) -> None:
    """Show what becomes of every record of local files: accepted with which tokens and cost, or why not.

    Runs the code of the pipeline with today's price book, needs no lake and writes nothing.
    """
    from llmops_assets.cli.decode import run

    with _explained():
        raise typer.Exit(run(files, config, format_, source, as_json=as_json))


@app.command(epilog="Example:\n\nllmops formats")
def formats() -> None:
    """List the wire formats that are known, the most specific first."""
    from llmops_assets.cli.decode import show_formats

    with _explained():
        show_formats()


@app.command(name="config", epilog="Examples:\n\nllmops config\n\nLLMOPS_DUCKDB__THREADS=8 llmops config")
def config_(config: ConfigOption = None) -> None:
    """Show the settings in force and the file they come from, or what is wrong with them. Secrets are not shown."""
    from llmops_assets.cli.config import run

    with _explained():
        run(config)


@app.command(
    epilog="Examples:\n\nllmops generate example\n\nllmops generate /data/try --days 7 --calls 500000 --seed 2"
)
def generate(
    folder: Annotated[Path, typer.Argument(help="Where to write the example; made if absent.")] = Path("example"),
    days: Annotated[int, typer.Option(min=1, help="UTC days.")] = 3,
    calls: Annotated[int, typer.Option(min=100, help="Calls over all days.")] = 60_000,
    seed: Annotated[int, typer.Option(help="Equal seeds write equal bytes.")] = 1,
) -> None:
    """Write a deterministic example: records of all shapes, known dirt, what was planted, and an llmops.toml."""
    from llmops_assets.cli.generate import run

    with _explained():
        run(folder, days, calls, seed)


@app.command(epilog="Example:\n\nllmops demo")
def demo(folder: Annotated[Path, typer.Argument(help="Where the example lives.")] = Path("example")) -> None:
    """Write the example, run the whole pipeline on it, and prove that nothing was lost."""
    from llmops_assets.cli.demo import run

    with _explained():
        raise typer.Exit(run(folder))


@app.command(epilog="Example:\n\nllmops dev --port 3001")
def dev(
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
) -> None:
    """Open the Dagster UI on the configured lake."""
    from llmops_assets.cli.dev import run

    with _explained():
        run(config, port)


app.add_typer(prices_app, name="prices")

source_app = typer.Typer(no_args_is_help=True, help="What a person decides about a source.")
app.add_typer(source_app, name="source")


@source_app.command(
    name="accept-gap",
    epilog="Example:\n\nllmops source accept-gap bus --topic llm-api-logs --partition 3 --from 1200 --to 1350 "
    "--reason 'retention was a day, the ingest was down for two' --by ada",
)
def accept_gap(
    source: Annotated[str, typer.Argument(help="Name of a source, or NAME.notifications, as the error has it.")],
    topic: Annotated[str, typer.Option(help="Topic.")],
    partition: Annotated[int, typer.Option(min=0, help="Partition.")],
    start: Annotated[int, typer.Option("--from", min=0, help="First lost offset, as the error names it.")],
    end: Annotated[int, typer.Option("--to", min=0, help="Offset to go on at, as the error names it.")],
    reason: Annotated[str, typer.Option(help="Why the records are lost.")],
    by: Annotated[str, typer.Option(help="Who accepts it.")],
    config: ConfigOption = None,
) -> None:
    """Accept that offsets of a topic are lost for good, and let reading go on behind them.

    The ledger keeps the gap with its reason and person. What is in the lake, or can still be read, is refused.
    """
    from llmops_assets.cli.source import accept
    from llmops_assets.sources.kafka import Place

    with _explained():
        accept(config, source, Place(topic, partition), start, end, reason, by)


@app.command(epilog="Examples:\n\nllmops serve\n\nllmops serve --host 0.0.0.0 --port 9000")
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: intake.host).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port (default: intake.port).")] = None,
) -> None:
    """Take events over HTTP, as Tinybird's events API does, and store them as objects of a source.

    Runs until it is told to stop. The ordinary ingest takes the objects from there.
    """
    from llmops_assets.cli.serve import run

    with _explained():
        run(config, host, port)


@app.command(
    epilog="Examples:\n\nllmops token create gateway --source events\n\n"
    "llmops token create acme-app --source acme_events --events-per-second 500"
)
def token(
    action: Annotated[TokenAction, typer.Argument(help="What to do.")],  # noqa: ARG001 - there is one so far
    name: Annotated[str, typer.Argument(help="Name of the token, shown in logs.")],
    source: Annotated[str, typer.Option(help="The source that it may append to.")],
    config: ConfigOption = None,
    events_per_second: Annotated[float | None, typer.Option(help="Rate limit (default: none).")] = None,
) -> None:
    """Make a token for the events endpoint: printed once, with the line for the file of tokens that knows its hash."""
    from llmops_assets.cli.token import run

    with _explained():
        run(config, name, source, events_per_second)
