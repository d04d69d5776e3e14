"""The command line: one small module per command, imported when the command is called.

Belongs here: arguments, help, and how results look in a terminal. Commands call the same functions as
the Dagster assets do.
"""

from llmops_assets.cli.main import app

__all__ = ["app"]
