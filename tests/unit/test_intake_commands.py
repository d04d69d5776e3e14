"""`llmops token` and `llmops serve` as an operator meets them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from llmops_assets.cli import app
from llmops_assets.intake.tokens import TokenBook

CONFIG = """
[intake]
{intake}

[[source]]
name = "events"
uri = "events"
tenant = "acme"
"""


def called(folder: Path, *arguments: str, intake: str = "") -> Result:
    """What the command does with this configuration."""
    config = folder / "llmops.toml"
    config.write_text(CONFIG.format(intake=intake), encoding="utf-8")
    return CliRunner().invoke(app, [*arguments, "--config", str(config)])


def test_a_token_is_printed_with_the_line_that_knows_it(tmp_path: Path) -> None:
    result = called(tmp_path, "token", "create", "gateway", "--source", "events", "--events-per-second", "500")
    assert result.exit_code == 0, result.output
    token, line = result.stdout.splitlines()
    (tmp_path / "tokens.toml").write_text(f"[tokens]\n{line}\n", encoding="utf-8")
    found = TokenBook(tmp_path / "tokens.toml", b"", {"events": "acme"}).find(f"Bearer {token}")
    assert (found.name, found.entry.tenant, found.entry.events_per_second) == ("gateway", "acme", 500.0)
    assert token not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("token", "create", "gateway", "--source", "nowhere"), "there is no source 'nowhere' to append to"),
        (("token", "create", "Gate way", "--source", "events"), "use lower-case letters"),
        (("serve",), "intake.tokens is not set: make a token with llmops token create"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_trace(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = called(tmp_path, *arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_missing_file_of_tokens_stops_the_start(tmp_path: Path) -> None:
    result = called(tmp_path, "serve", intake='tokens = "tokens.toml"')
    assert result.exit_code == 2, result.output
    assert "tokens.toml: the tokens cannot be read" in " ".join(result.stderr.split())
