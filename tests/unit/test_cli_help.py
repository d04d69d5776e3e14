"""The command line as a newcomer meets it: help with examples that exist, and errors that say what to do."""

import re
from pathlib import Path

import pytest
from commands import COMMANDS, command_in
from typer.testing import CliRunner, Result

from llmops_assets.cli import app

STYLING = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No llmops.toml is found, and what a command sets in the environment is put back."""
    monkeypatch.chdir(tmp_path)
    for name in ("LLMOPS_CONFIG", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def called(*arguments: str) -> Result:
    """What the command line does with these arguments."""
    return CliRunner().invoke(app, list(arguments))


def plain(text: str) -> str:
    """Text without colours and line breaks."""
    return " ".join(STYLING.sub("", text).split())


def examples(command: str) -> list[str]:
    """The example lines of a command's help."""
    lines = (COMMANDS[command].epilog or "").splitlines()
    return [line for line in lines if re.match(r"([A-Z_]+=\S+ )*llmops ", line)]


def test_the_commands_are_those_of_the_documentation() -> None:
    assert {"sync", "sql", "config", "generate", "demo", "dev"} <= COMMANDS.keys()


def test_without_a_command_the_help_is_shown() -> None:
    shown = plain(called().output)
    assert [command for command in COMMANDS if command.split()[0] not in shown] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_examples(command: str) -> None:
    result = called(*command.split(), "--help")
    assert result.exit_code == 0, result.output
    shown = plain(result.output)
    assert "Example" in shown
    assert f"llmops {command}" in shown
    assert len(shown.split("Example")[0]) > 80


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_example_names_a_command_and_options_that_exist(command: str) -> None:
    assert examples(command) != []
    for line in examples(command):
        name = command_in(line.partition("llmops ")[2])
        assert name is not None, line
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {option for option in re.findall(r"(?<= )--?[a-z][a-z-]*", line)} <= known, line


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_argument_and_option_says_what_it_is(command: str) -> None:
    unexplained = [parameter.name for parameter in COMMANDS[command].params if not getattr(parameter, "help", None)]
    assert unexplained == []


@pytest.mark.parametrize("arguments", [("config",), ("sync", "--quiet"), ("sql", "select 1"), ("dev",)])
def test_a_bad_configuration_exits_2_with_the_message_and_no_trace(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llmops.toml").write_text("[duckdb]\nthreads = 0\n", encoding="utf-8")
    result = called(*arguments)
    assert result.exit_code == 2, result.output
    assert plain(result.stderr).startswith("configuration: llmops.toml: duckdb.threads = 0")
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_message_with_brackets_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "llmops.toml").write_text('[[source]]\nname = "A b"\nuri = "x"\n', encoding="utf-8")
    assert "^[a-z][a-z0-9_]*$" in plain(called("config").stderr)


def test_a_missing_file_exits_2_and_is_named() -> None:
    result = called("config", "--config", "nowhere.toml")
    assert result.exit_code == 2
    assert "nowhere.toml: no such file" in plain(result.stderr)


def test_config_shows_settings_in_force_and_only_names_of_catalog_properties(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[catalog.properties]\nuri = "postgresql://u:hunter2@db/x"\n[[source]]\nname = "app"\nuri = "records"\n'
    (tmp_path / "llmops.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("LLMOPS_WAREHOUSE__MAX_DELAY_MINUTES", "90")
    result = called("config")
    assert result.exit_code == 0, result.output
    shown = plain(result.output)
    assert "file: llmops.toml" in shown
    assert " 90 " in shown
    assert "source app.uri" in shown
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("drop table llm_requests", "DROP would write; llmops sql only reads"),
        ("select 1; select 2", "2 statements were given; give one select"),
        ("selec 1", "syntax error"),
        ("from no_such_table", "no_such_table"),
    ],
)
def test_a_query_that_cannot_run_exits_2_and_says_why(query: str, reason: str) -> None:
    result = called("sql", query)
    assert result.exit_code == 2, result.output
    assert reason in plain(result.stderr)
    assert "Traceback" not in result.output


def test_generate_refuses_a_folder_with_an_unfinished_example_of_another_kind(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    folder.mkdir()
    assert called("generate", str(folder), "--days", "1", "--calls", "100").exit_code == 0
    planted = folder / "planted.json"
    planted.write_text(re.sub(r'"digest": "\w+"', '"digest": ""', planted.read_text()), encoding="utf-8")
    result = called("generate", str(folder), "--days", "1", "--calls", "101")
    assert result.exit_code == 2, result.output
    assert "holds an unfinished example" in plain(result.stderr)
