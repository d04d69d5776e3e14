"""What commands share: the options that many have, and errors as one message."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from llmops_assets.cli.console import errors
from llmops_assets.config_file import ConfigError

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="File to use (default: LLMOPS_CONFIG, ./llmops.toml, ./example/llmops.toml)."),
]


class SqlFormat(StrEnum):
    """How `llmops sql` prints rows."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors into one message and exit code 2; anything else is a defect and shows its trace."""
    from llmops_assets.cli.expected import expected_errors

    try:
        yield
    except ConfigError as error:
        errors.print(f"[red]configuration:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except expected_errors() as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
