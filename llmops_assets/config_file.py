"""Finding `llmops.toml`, reading it, and saying what is wrong with it.

Belongs here: the file, its place, overrides of single sources by environment, and error messages that
name file, key, value and what is allowed. What the keys mean is `llmops_assets.settings`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

PREFIX = "LLMOPS_"
DEFAULT_FILES = (Path("llmops.toml"), Path("example/llmops.toml"))
"""Looked for in the working folder; the second is what `make demo` writes."""
# Variables of the prefix that are no settings: where the file is, and what a run tells its dbt.
NOT_SETTINGS = frozenset(
    {"LLMOPS_CONFIG", "LLMOPS_SCRATCH", "LLMOPS_STAGING", "LLMOPS_MEMORY_LIMIT", "LLMOPS_THREADS", "LLMOPS_SPILL"}
)
_SECRET_WORDS = ("secret", "password", "token", "key", "credential", "properties", "uri", "manifest")


class ConfigError(Exception):
    """The configuration cannot be used; the message says where, what and what is allowed."""


def find_config(path: Path | None) -> Path | None:
    """The file to read: `path`, else `LLMOPS_CONFIG`, else `./llmops.toml`, else the example's, else none."""
    named = path or (Path(os.environ["LLMOPS_CONFIG"]) if os.environ.get("LLMOPS_CONFIG") else None)
    if named is None:
        return next((file for file in DEFAULT_FILES if file.is_file()), None)
    if not named.is_file():
        raise ConfigError(f"{named}: no such file; LLMOPS_CONFIG or --config must name an llmops.toml")
    return named


def read_toml(file: Path | None) -> dict[str, Any]:
    """The file's values; an absent file has none."""
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None


def merge_source_overrides(values: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Apply `LLMOPS_SOURCE__<NAME>__<KEY>` to the source of that name; refuse unknown `LLMOPS_` variables."""
    _refuse_unknown_variables(model)
    sources = values.get("source")
    if not isinstance(sources, list):
        return values
    _refuse_unknown_sources([str(source.get("name", "")) for source in sources if isinstance(source, dict)])
    return values | {"source": [_overridden(source) if isinstance(source, dict) else source for source in sources]}


def _overridden(source: dict[str, Any]) -> dict[str, Any]:
    stem = f"{PREFIX}SOURCE__{str(source.get('name', '')).upper()}__"
    overrides = {key[len(stem) :].lower(): value for key, value in os.environ.items() if key.startswith(stem)}
    return source | overrides


def _refuse_unknown_sources(names: list[str]) -> None:
    stem = f"{PREFIX}SOURCE__"
    known = tuple(f"{stem}{name.upper()}__" for name in names)
    for variable in sorted(os.environ):
        if variable.startswith(stem) and not variable.startswith(known):
            name = variable.removeprefix(stem).partition("__")[0].lower()
            raise ConfigError(f"environment: {variable} is of no configured source{_allowed(name, sorted(names))}")


def _refuse_unknown_variables(model: type[BaseModel]) -> None:
    allowed = sorted(model.model_fields)
    for variable in sorted(os.environ):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        field = variable[len(PREFIX) :].partition("__")[0].lower()
        if field not in allowed:
            raise ConfigError(f"environment: {variable} sets no known setting{_allowed(field, allowed)}")


def describe(error: ValidationError, file: Path | None, model: type[BaseModel]) -> str:
    """One line per problem: file or environment, key, value, what is allowed."""
    return "\n".join(_line(_of_the_kind(problem), file, model) for problem in error.errors(include_url=False))


def _of_the_kind(problem: Mapping[str, Any]) -> dict[str, Any]:
    """A source of an unknown kind, as a problem of that key and not of the whole source."""
    if problem["type"] != "unknown_kind" or not isinstance(problem["input"], dict):
        return dict(problem)
    return {**problem, "loc": (*problem["loc"], "kind"), "input": problem["input"].get("kind")}


def _line(problem: Mapping[str, Any], file: Path | None, model: type[BaseModel]) -> str:
    location, model = _without_kind(tuple(problem["loc"]), model)
    where = file.name if file and not _from_environment(location) else "environment"
    key = _dotted(location)
    if problem["type"] == "extra_forbidden":
        return f"{where}: {key}: unknown key{_allowed(str(location[-1]), _siblings(model, location))}"
    value = "" if problem["type"] == "missing" else f" = {_shown(key, problem.get('input'))}"
    return f"{where}: {key}{value}: {problem['msg']}{_expected(problem)}"


def _without_kind(location: tuple[Any, ...], model: type[BaseModel]) -> tuple[tuple[Any, ...], type[BaseModel]]:
    """The place as the file has it, where pydantic names the kind of a source behind its number."""
    from llmops_assets.source_settings import SOURCE_KINDS

    if len(location) < 3 or location[0] != "source" or location[2] not in SOURCE_KINDS:
        return location, model
    kind = create_model("Kind", source=(SOURCE_KINDS[location[2]], ...))
    return (*location[:2], *location[3:]), kind


def _from_environment(location: tuple[Any, ...]) -> bool:
    variable = PREFIX + "__".join(str(part).upper() for part in location)
    return variable in os.environ or f"{PREFIX}{str(location[0]).upper()}" in os.environ


def _dotted(location: tuple[Any, ...]) -> str:
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "settings"


def _shown(key: str, value: Any) -> str:
    # A whole catalog given as one text may be an address with a password, and whole notifications may hold one.
    is_secret = key == "catalog" or key.endswith(".notifications") or any(word in key.lower() for word in _SECRET_WORDS)
    if isinstance(value, dict | list | tuple) or is_secret:
        is_place = key.rsplit(".", 1)[-1] in ("uri", "manifest")
        return repr(value).split("@")[-1] if is_place else f"<{type(value).__name__}>"
    return repr(value)


def _expected(problem: Mapping[str, Any]) -> str:
    pattern = problem.get("ctx", {}).get("pattern")
    return f" (must match {pattern})" if pattern and pattern not in problem["msg"] else ""


def _siblings(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys allowed in the table that holds the last part of `location`."""
    for part in location[:-1]:
        field = None if isinstance(part, int) else model.model_fields.get(str(part))
        if field is not None:
            model = _model_in(field.annotation) or model
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_model_in(argument) for argument in getattr(annotation, "__args__", ())]
    return next((found for found in inner if found), None)


def _allowed(key: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{hint} (allowed: {', '.join(allowed)})"
