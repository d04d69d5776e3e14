"""`llmops token create`: a new token of the events endpoint, shown once, and the line that recognises it."""

from pathlib import Path

from llmops_assets.cli.console import errors, out
from llmops_assets.intake.errors import IntakeError
from llmops_assets.intake.tokens import create_token, pepper_of
from llmops_assets.settings import Settings


def run(config: Path | None, name: str, source: str, events_per_second: float | None) -> None:
    """Print the token to standard output, everything else beside it."""
    settings = Settings.load(config)
    found = {one.name: one for one in settings.source}
    if source not in found:
        known = ", ".join(found) or "none"
        raise IntakeError(f"there is no source {source!r} to append to (there is: {known}); add a [[source]] first")
    entry = {"source": source, "tenant": found[source].tenant, "events_per_second": events_per_second}
    token, line = create_token(name, entry, pepper_of(settings.intake.pepper_env))
    where = settings.intake.tokens or 'a file, and set tokens = "<that file>" in [intake]'
    errors.print("The token, which is not shown again:", highlight=False)
    out.print(token, highlight=False, markup=False, soft_wrap=True)
    errors.print(f"Put this line under [tokens] of {where}:", highlight=False, markup=False, soft_wrap=True)
    out.print(line, highlight=False, markup=False, soft_wrap=True)
