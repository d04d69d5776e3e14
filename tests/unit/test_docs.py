"""The documentation against the code: commands, settings, dependencies, links, files and examples."""

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import COMMANDS, command_in
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from llmops_assets.section import Section
from llmops_assets.settings import Settings
from llmops_assets.source_base import SourceBase
from llmops_assets.source_settings import SOURCE_KINDS

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
BUILT = {".git", ".venv", ".venv-producers", ".llmops", ".hypothesis", "example", "target", "logs", "dist"}
BUILT |= {"__pycache__"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@cache
def text_of(guide: Path) -> str:
    """A page without its comments."""
    return COMMENT.sub("", guide.read_text(encoding="utf-8"))


def blocks(guide: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return [body for name, body in FENCE.findall(text_of(guide)) if name == language]


def code(guide: Path) -> str:
    """Everything that a page shows as code, with continued lines as one."""
    fenced = "\n".join(body for _, body in FENCE.findall(text_of(guide)))
    inline = "\n".join(re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(guide))))
    return f"{fenced}\n{inline}".replace("\\\n", " ")


def rows(guide: Path) -> Iterator[list[str]]:
    """The cells of every table row of a page."""
    for line in text_of(guide).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def named(path: Path) -> str:
    """A name for a test's parameter."""
    return path.relative_to(ROOT).as_posix()


# Commands


def test_the_first_screen_shows_the_commands_that_matter() -> None:
    first_screen = "\n".join(text_of(ROOT / "README.md").splitlines()[:80])
    assert "`make demo`" in first_screen
    assert "`make test`" in first_screen


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_make_target_that_is_named_exists(guide: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code(guide))) <= targets


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_llmops_command_and_option_that_is_named_exists(guide: Path) -> None:
    for line in code(guide).splitlines():
        for words in re.findall(r"(?:^|[\s/])llmops ([a-z]+\b[^|#`]*)", line):
            name = command_in(words)
            assert name is not None, line
            rest = words.removeprefix(name)
            known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
            assert set(re.findall(r"(?<=\s)--[a-z][a-z-]*", rest)) <= known, line


# Settings


def settings_rows() -> Iterator[tuple[str, str, str]]:
    """Key, variable and default of every setting, as the documentation writes them."""
    for name, field in Settings.model_fields.items():
        if name == "source":
            for key, inner in source_fields().items():
                variable = "—" if key == "name" else f"LLMOPS_SOURCE__<NAME>__{key.upper()}"
                yield f"source.{key}", variable, default_of(inner)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            for key, inner in field.annotation.model_fields.items():
                yield f"{name}.{key}", f"LLMOPS_{name.upper()}__{key.upper()}", default_of(inner)
        else:
            yield name, f"LLMOPS_{name.upper()}", default_of(field)


def source_fields() -> dict[str, FieldInfo]:
    """The keys of a source: those of every kind, then those of each."""
    kinds = (kind.model_fields for kind in SOURCE_KINDS.values())
    keys = {key: field for fields in (SourceBase.model_fields, *kinds) for key, field in fields.items()}
    return keys | {"kind": SOURCE_KINDS["objects"].model_fields["kind"]}


def default_of(field: FieldInfo) -> str:
    """A default as it is written in a table."""
    if field.default_factory is not None:
        return "number of CPUs" if field.annotation is int else "{}"
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, datetime):
        return f"{field.default.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(field.default, dict):
        return "{" + ", ".join(f'{name} = "{value}"' for name, value in field.default.items()) + "}"
    return {None: "none", (): "[]"}.get(field.default, str(field.default))


@pytest.mark.parametrize("guide", [ROOT / "README.md", ROOT / "docs" / "configuration.md"], ids=named)
def test_the_table_of_settings_is_exactly_the_settings(guide: Path) -> None:
    documented = [
        tuple(cell.strip("`") for cell in cells[:3])
        for cells in rows(guide)
        if len(cells) == 4 and (cells[1].startswith("`LLMOPS_") or cells[1] == "—")
    ]
    assert documented == list(settings_rows())


@pytest.mark.parametrize("guide", [ROOT / "README.md", ROOT / "docs" / "configuration.md"], ids=named)
def test_every_setting_has_a_meaning_or_a_reader(guide: Path) -> None:
    assert [cells for cells in rows(guide) if cells[0].startswith("`source.") and not cells[3]] == []


def test_every_setting_has_a_description_in_the_code() -> None:
    sections = [field.annotation for field in Settings.model_fields.values()]
    models = [*SOURCE_KINDS.values(), *(one for one in sections if isinstance(one, type) and issubclass(one, Section))]
    undescribed = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert undescribed == []


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_configuration_example_is_accepted(guide: Path, tmp_path: Path) -> None:
    for number, example in enumerate(blocks(guide, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(example, encoding="utf-8")
        Settings.load(file)


def test_every_variable_of_the_environment_example_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^(?:# )?(LLMOPS_\w+)=(\S*)", example, re.MULTILINE))
    assert "LLMOPS_CONFIG" in variables
    file = tmp_path / "llmops.toml"
    file.write_text('[[source]]\nname = "gateway"\nuri = "records"\n', encoding="utf-8")
    for name, value in (variables | {"LLMOPS_CONFIG": str(file)}).items():
        monkeypatch.setenv(name, value)
    assert Settings.load().source[0].uri == "s3://llm-logs/gateway"


# Expectations


def test_the_page_of_quality_has_every_expectation_with_its_severity() -> None:
    from llmops_assets.expectations.catalogue import CATALOGUE

    documented = [
        tuple(cell.strip("`") for cell in cells)
        for cells in rows(ROOT / "docs" / "quality.md")
        if len(cells) == 4 and cells[0].startswith("`")
    ]
    assert documented == [(one.name, one.table, one.severity, one.meaning) for one in CATALOGUE]


# Dependencies


def dependencies() -> list[str]:
    """Names of all dependencies, those of development included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0] for requirement in listed]


def test_every_dependency_has_its_reason() -> None:
    reasons = {cells[0].strip("`"): cells[1] for cells in rows(ROOT / "docs" / "dependencies.md") if len(cells) == 2}
    reasons.pop("package")
    assert sorted(reasons) == sorted(set(dependencies()))
    assert [name for name, reason in reasons.items() if len(reason) < 12] == []


# Links, files and examples


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_relative_link_leads_somewhere(guide: Path) -> None:
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", FENCE.sub("", text_of(guide))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (guide.parent / path) if path else guide
        assert file.exists(), f"{named(guide)}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], f"{named(guide)}: {target}"


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_file_of_the_repository_that_is_named_exists(guide: Path) -> None:
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(guide)))
    paths = [one for one in inline if re.fullmatch(r"(llmops_assets|dbt_project|tests|benchmarks|docs)/[\w./-]+", one)]
    to_be_made = {"acme_gateway.py", "requests_per_feature.sql", "requests_per_feature.yml", "results.json"}
    missing = [path for path in paths if Path(path).name not in to_be_made and not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_python_example_compiles(guide: Path) -> None:
    for example in blocks(guide, "python"):
        ast.parse(example)


@pytest.mark.parametrize("guide", GUIDES, ids=named)
def test_every_import_of_a_python_example_can_be_made(guide: Path) -> None:
    for example in blocks(guide, "python"):
        imports = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.ImportFrom)]
        for node in imports:
            if (node.module or "").startswith("llmops_assets"):
                module = __import__(str(node.module), fromlist=[alias.name for alias in node.names])
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_the_example_of_a_format_is_a_format() -> None:
    from llmops_assets.formats.format import Format

    names: dict[str, Any] = {}
    exec(compile(blocks(ROOT / "docs" / "add-a-format.md", "python")[0], "add-a-format.md", "exec"), names)
    assert isinstance(names["FORMAT"], Format)


def test_the_example_of_a_table_has_the_keys_of_every_published_table() -> None:
    (model,) = yaml.safe_load(blocks(ROOT / "docs" / "add-a-metric.md", "yaml")[0])["models"]
    assert model["config"]["contract"]["enforced"]
    assert set(model["config"]["meta"]["lake"]) == {"window_column", "partition"}
    assert all(set(column) == {"name", "data_type", "description"} for column in model["columns"])


# Decision records


@pytest.mark.parametrize("record", DECISIONS, ids=named)
def test_a_decision_record_has_its_number_and_four_headings(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    number = re.match(r"(\d{4})-[a-z0-9-]+\.md$", record.name)
    assert number is not None
    assert text.startswith(f"# {number[1]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Status", "Context", "Decision", "Consequences"]


def test_decision_records_are_numbered_without_a_gap() -> None:
    assert [int(record.name[:4]) for record in DECISIONS] == list(range(1, len(DECISIONS) + 1))


# The repository as a whole


def repository_files() -> list[Path]:
    """Every file that is written by hand, and the locks."""
    found = (path for path in ROOT.rglob("*") if path.is_file())
    kept = (path for path in found if not BUILT & set(path.relative_to(ROOT).parts))
    return [path for path in kept if not any(part.endswith(("_cache", ".egg-info")) for part in path.parts)]


# Written so that this file does not match itself.
MACHINE_PATHS = re.compile(r"(?<![\w.:$}>-])/(?:work|root|Users)/\w|(?<![\w.:$}>/-])/home/\w+/")
REGISTRIES = re.compile(r"\b(?:pypi\.(?:org|python)|pythonhosted\.|repo1?\.maven\.|proxy\.golang\.|registry\.npmjs)")
INDEX_OPTIONS = re.compile(r"^\s*--(?:extra-)?index-url|^\s*--find-links", re.MULTILINE)


def test_no_file_names_a_place_on_somebodys_machine_or_a_package_registry() -> None:
    found = []
    for path in repository_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{named(path)}: {match[0]}" for match in MACHINE_PATHS.finditer(text)]
        found += [f"{named(path)}: {match[0]}" for match in REGISTRIES.finditer(text)]
        found += [f"{named(path)}: {match[0]}" for match in INDEX_OPTIONS.finditer(text)]
    assert found == []


def test_the_licence_is_the_one_that_the_project_states() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_changelog_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_hooks_before_a_commit_use_the_projects_own_tools() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    entries = [hook["entry"] for hook in config["repos"][0]["hooks"]]
    assert entries != []
    assert all(entry.startswith(".venv/bin/") for entry in entries)
