"""The file of model classes: what is in it holds together, and a wrong row is named."""

import csv
from pathlib import Path

import pytest

from llmops_assets.prices.book import BOOKS, current_version
from llmops_assets.reports.classes import COLUMNS, ModelClassesError, load_classes

GOOD = {
    "provider": "acme",
    "model": "one",
    "class": "legal-chat",
    "takes": "text image",
    "makes": "text",
    "tools": "yes",
    "context_window": "8000",
    "retires_on": "",
    "reviewed_on": "2026-11-01",
    "source": "its page",
}


def _write(folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    file = folder / "own.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file


def test_every_model_of_the_package_is_one_model_of_the_newest_book() -> None:
    with (BOOKS / f"{current_version()}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    ranks: dict[tuple[str, str], set[str]] = {}
    windows: dict[tuple[str, str], str] = {}
    for row in rows:
        ranks.setdefault((row["provider"], row["model"]), set()).add(row["match_rank"])
        windows[row["provider"], row["model"]] = row["context_window"]
    for one in load_classes():
        assert len(ranks.get(one.key, ())) == 1, one.key
        assert one.context_window <= int(windows[one.key] or 10**9), one.key


def test_the_classes_of_the_package_say_what_their_models_do() -> None:
    for one in load_classes():
        assert ("image" in one.takes) == one.model_class.startswith("vision"), one.key
        assert (one.tools == "yes") == ("tools" in one.model_class), one.key
        assert {"text"} <= one.takes, one.key
        assert one.makes == {"text"}, one.key


def test_a_sites_own_file_adds_models_and_replaces_rows(tmp_path: Path) -> None:
    own = _write(tmp_path, GOOD, GOOD | {"provider": "openai", "model": "gpt-4o"})
    found = {one.key: one for one in load_classes(own)}
    assert found["acme", "one"].context_window == 8000
    assert found["openai", "gpt-4o"].model_class == "legal-chat"
    assert len(found) == len(load_classes()) + 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("context_window", "8k", "row 3: context_window = '8k': Input should be a valid integer"),
        ("context_window", "0", "row 3: context_window = '0': Input should be greater than 0"),
        ("takes", "text smell", "row 3: takes = 'text smell': Input should be 'text', 'image', 'audio' or 'video'"),
        ("tools", "maybe", "row 3: tools = 'maybe': Input should be 'yes' or 'no'"),
        ("reviewed_on", "", "row 3: reviewed_on = '': Input should be a valid date"),
        ("retires_on", "soon", "row 3: retires_on = 'soon': Input should be a valid date"),
        ("class", "Legal chat", "row 3: class = 'Legal chat': String should match pattern"),
        ("source", "", "row 3: source = '': String should have at least 1 character"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_row_and_column(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    own = _write(tmp_path, GOOD, GOOD | {"model": "two", column: value})
    with pytest.raises(ModelClassesError) as error:
        load_classes(own)
    assert str(error.value).startswith(f"{own}: {message}")


def test_wrong_columns_doubled_models_and_absent_files_are_named(tmp_path: Path) -> None:
    own = _write(tmp_path, GOOD, GOOD)
    with pytest.raises(ModelClassesError, match=r"own.csv: row 3: acme one stands in row 2 too; remove one"):
        load_classes(own)
    _write(tmp_path, GOOD, columns=COLUMNS[1:])
    with pytest.raises(ModelClassesError, match=r"own.csv: row 1: the columns are model, .* they must be provider, "):
        load_classes(own)
    own.write_text(",".join(COLUMNS) + "\nacme,one\n", encoding="utf-8")
    with pytest.raises(ModelClassesError, match=r"own.csv: row 2: 10 values are needed, one for each column"):
        load_classes(own)
    with pytest.raises(ModelClassesError, match=r"absent.csv: cannot be read.*correct reports.model_classes"):
        load_classes(tmp_path / "absent.csv")
