"""`llmops generate`: write the example and say what is in it and how to go on."""

import shlex
from pathlib import Path

from rich.table import Table

from llmops_assets.cli.console import out
from llmops_assets.cli.showing import shown
from llmops_assets.generator import Planted, generate


def run(folder: Path, days: int, calls: int, seed: int) -> None:
    """Write the example below `folder`, with a progress bar, and print what was planted."""
    planted = write(folder, days, calls, seed)
    out.print(_summary(planted))
    config = shlex.quote(str(folder / "llmops.toml"))
    out.print(f"Records are below {folder / 'records'}, their counts in {folder / 'planted.json'}. Go on with:")
    out.print(f"  LLMOPS_CONFIG={config} llmops sync", highlight=False, soft_wrap=True)


def write(folder: Path, days: int, calls: int, seed: int) -> Planted:
    """Write the example below `folder`, showing how far it is."""
    with shown(quiet=False):
        return generate(folder, days=days, calls=calls, seed=seed)


def _summary(planted: Planted) -> Table:
    table = Table(title="What was planted", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in (
        ("objects", planted.objects),
        ("records", planted.records),
        ("calls", planted.events),
        ("exact duplicates", planted.exact_duplicates),
        ("conflicting duplicates", planted.conflicts),
        ("a day late", planted.late_records),
        ("of unknown models", planted.unknown_model_calls),
        ("without usage", planted.usage_missing_calls),
        *((f"to reject: {reason}", count) for reason, count in planted.rejects.items()),
    ):
        table.add_row(name, f"{count:,}")
    return table
