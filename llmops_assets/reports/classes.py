"""Models that can take each other's place: `model_classes.csv`, and a site's own file beside it.

Facts only: what a model takes, makes and holds, with the source of each row and the day it was read. How
good its answers are is nowhere in here. Belongs here: reading and checking the files.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

FILE = Path(__file__).with_name("model_classes.csv")

Medium = Literal["text", "image", "audio", "video"]
Words = Annotated[frozenset[Medium], BeforeValidator(lambda text: str(text).split()), Field(min_length=1)]


class ModelClassesError(Exception):
    """A file of model classes cannot be used; the message names file, row and column, and the cure."""


class ModelClass(BaseModel):
    """One model: the price book's names of it, its class, and the facts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = Field(min_length=1)
    model: str = Field(min_length=1)
    model_class: str = Field(alias="class", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    takes: Words
    makes: Words
    tools: Literal["yes", "no"]
    context_window: int = Field(gt=0)
    retires_on: Annotated[date | None, BeforeValidator(lambda text: text or None)]
    reviewed_on: date
    source: str = Field(min_length=1)

    @property
    def key(self) -> tuple[str, str]:
        """Provider and model."""
        return self.provider, self.model


COLUMNS = tuple(field.alias or name for name, field in ModelClass.model_fields.items())


def load_classes(own: Path | None = None, file: Path = FILE) -> list[ModelClass]:
    """The models of `file`, those of the site's `own` file in place of or beside them, in order of their keys.

    Raises:
        ModelClassesError: naming file, row, column and value.
    """
    found = {one.key: one for one in _read(file)}
    if own is not None:
        found |= {one.key: one for one in _read(own)}
    return [found[key] for key in sorted(found)]


def as_table(classes: Iterable[ModelClass]) -> pa.Table:
    """The rows that models of the dbt project read."""
    rows = [
        {
            "provider": one.provider,
            "model": one.model,
            "class": one.model_class,
            "context_window": one.context_window,
            "retires_on": one.retires_on,
            "takes_audio": "audio" in one.takes,
            "takes_images": "image" in one.takes,
            "makes_audio": "audio" in one.makes,
        }
        for one in classes
    ]
    text, flag = pa.string(), pa.bool_()
    columns = {"provider": text, "model": text, "class": text, "context_window": pa.int64()}
    columns |= {"retires_on": pa.date32()}
    return pa.Table.from_pylist(
        rows, pa.schema(columns | {"takes_audio": flag, "takes_images": flag, "makes_audio": flag})
    )


def _read(file: Path) -> list[ModelClass]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            found = list(_rows(file, lines))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelClassesError(f"{file}: cannot be read: {error}; correct reports.model_classes") from None
    seen: dict[tuple[str, str], int] = {}
    for number, one in found:
        if one.key in seen:
            raise ModelClassesError(
                f"{file}: row {number}: {one.provider} {one.model} stands in row {seen[one.key]} too; remove one"
            )
        seen[one.key] = number
    return [one for _, one in found]


def _rows(file: Path, lines: Iterable[str]) -> Iterator[tuple[int, ModelClass]]:
    reader = csv.DictReader(lines, strict=True)
    columns = ", ".join(reader.fieldnames or ())
    if columns != ", ".join(COLUMNS):
        raise ModelClassesError(f"{file}: row 1: the columns are {columns}; they must be {', '.join(COLUMNS)}")
    for row in reader:
        yield reader.line_num, _model(file, reader.line_num, row)


def _model(file: Path, number: int, row: Mapping[str | None, Any]) -> ModelClass:
    if None in row or None in row.values():
        raise ModelClassesError(f"{file}: row {number}: {len(COLUMNS)} values are needed, one for each column")
    try:
        return ModelClass.model_validate(row)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        column = str(problem["loc"][0])
        raise ModelClassesError(f"{file}: row {number}: {column} = {row.get(column)!r}: {problem['msg']}") from None
