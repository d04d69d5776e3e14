"""The commands `llmops prices …` and their help. What they do is `llmops_assets.cli.prices`."""

from datetime import datetime
from typing import Annotated

import typer

from llmops_assets.cli.options import ConfigOption, SqlFormat, explained

prices_app = typer.Typer(no_args_is_help=True, help="List prices: what a model costs, and why a call cost what it did.")

FormatOption = Annotated[SqlFormat, typer.Option("--format", "-f", help="How to print rows.")]


@prices_app.command(epilog="Examples:\n\nllmops prices update --dry-run\n\nllmops prices update")
def update(
    name: Annotated[str | None, typer.Option(help="Name of the version (default: the library's, numbered).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Make a price book from the installed genai-prices, the overrides and the additions, if prices have changed.

    Adds a version and never changes an older one; hours that are published keep theirs. Review it with
    llmops prices diff, and commit it.
    """
    from llmops_assets.cli.prices import run_update

    with explained():
        run_update(name, dry_run=dry_run)


@prices_app.command(
    epilog="Examples:\n\nllmops prices show gpt-4o --provider openai\n\n"
    "llmops prices show deepseek-chat --at 2025-06-01T17:00:00\n\nllmops prices show claude-opus-4-6 --format json"
)
def show(
    model: Annotated[str, typer.Argument(help="A model, by any name that calls have for it.")],
    config: ConfigOption = None,
    at: Annotated[
        datetime | None, typer.Option(help="Only prices of calls at this time (UTC unless an offset is given).")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider's (default: all that know it).")] = None,
    version: Annotated[str | None, typer.Option(help="Version of the price book (default: the newest).")] = None,
    known_on: Annotated[
        datetime | None, typer.Option(help="The book as it was known at this time, instead of a version.")
    ] = None,
    all_meters: Annotated[
        bool, typer.Option("--all", help="Also meters without a price of their own, charged as what they are part of.")
    ] = False,
    format_: FormatOption = SqlFormat.table,
) -> None:
    """Show the prices of a model in USD per million units, with dates, hours of the day, sizes and service tiers.

    A size is the call's total input; past it the whole call has the next price.
    """
    from llmops_assets.cli.prices import Asked, run_show

    with explained():
        run_show(config, Asked(model, provider, at, version, known_on, all_meters=all_meters), str(format_))


@prices_app.command(
    epilog="Examples:\n\nllmops prices diff genai-prices-0.2.3 genai-prices-0.2.3.1\n\n"
    "llmops prices diff genai-prices-0.2.3 genai-prices-0.2.3.1 --format csv"
)
def diff(
    first: Annotated[str, typer.Argument(metavar="V1", help="Version of the price book.")],
    second: Annotated[str, typer.Argument(metavar="V2", help="Version to compare with.")],
    format_: FormatOption = SqlFormat.table,
) -> None:
    """List the prices that two versions of the price book have differently: added, removed and changed."""
    from llmops_assets.cli.prices import run_diff

    with explained():
        run_diff(first, second, str(format_))


@prices_app.command(epilog="Examples:\n\nllmops prices why chatcmpl-123\n\nllmops prices why chatcmpl-123 --json")
def why(
    event_id: Annotated[str, typer.Argument(help="The call's event_id, as llm_requests has it.")],
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per call, amounts as text.")] = False,
) -> None:
    """Explain a call's cost: meter × price = amount by line, which rule of which version, and which cost counts."""
    from llmops_assets.cli.prices import run_why

    with explained():
        run_why(config, event_id, as_json=as_json)
