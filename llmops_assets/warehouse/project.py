"""The dbt project on disk: where it is, and its parsed manifest, made once per content of its files.

Belongs here: finding, parsing, caching. Running models is `warehouse.dbt`; what Dagster shows of the
manifest is `defs`.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llmops_assets.locks import alone_in

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_PACKAGE = Path(__file__).resolve().parents[1]
LINEAGE = "column_lineage"
"""What the parsed manifest has beside dbt's own keys; see `warehouse.lineage`."""
COMPILED = "compiled.json"
"""Beside the manifest: the SQL of every model for no window in particular, by name."""
_IGNORED = {"target", "logs", "dbt_packages", ".user.yml"}


class DbtError(Exception):
    """dbt could not parse or run; the message is dbt's own, with the place."""


def project_folder() -> Path:
    """The dbt project: beside the package in a checkout, inside it when installed."""
    for folder in (_PACKAGE.parent / "dbt_project", _PACKAGE / "_dbt_project"):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise DbtError(f"no dbt project beside or inside {_PACKAGE}: reinstall the package")


@lru_cache(maxsize=4)
def _read(manifest: Path) -> dict[str, Any]:
    """A parsed project's manifest; its folder is named after its content, so it never changes."""
    read: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return read


@dataclass(frozen=True)
class DbtProject:
    """A dbt project and the folder where its parsed form is kept."""

    folder: Path
    cache: Path

    @classmethod
    def located(cls, home: Path) -> "DbtProject":
        """The project of this package; parsed forms go beside it, or under `home` if that is read-only."""
        folder = project_folder()
        beside = folder / "target"
        writable = os.access(beside if beside.exists() else folder, os.W_OK)
        return cls(folder, (beside if writable else home / "dbt") / "parsed")

    @cached_property
    def digest(self) -> str:
        """Changes with every file of the project and with the versions that parse it."""
        digest = hashlib.sha256(COMPILED.encode())
        for package in ("dbt-core", "dbt-duckdb", "sqlglot"):
            digest.update(version(package).encode())
        for file in self._files():
            digest.update(f"\0{file.relative_to(self.folder)}\0".encode() + file.read_bytes())
        return digest.hexdigest()[:16]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest as dbt writes it in JSON, with the lineage of columns."""
        return _read(self._parsed() / "manifest.json")

    @cached_property
    def compiled(self) -> dict[str, str]:
        """The SQL of every model by name, for no window in particular."""
        return _read(self._parsed() / COMPILED)

    def load(self) -> "Manifest":
        """The manifest as dbt's own object, which spares a run the parsing."""
        from dbt.contracts.graph.manifest import Manifest

        return Manifest.from_msgpack((self._parsed() / "partial_parse.msgpack").read_bytes())

    def _files(self) -> list[Path]:
        found = (file for file in self.folder.rglob("*") if file.is_file())
        return sorted(file for file in found if not _IGNORED & set(file.relative_to(self.folder).parts))

    def _parsed(self) -> Path:
        """The folder of the parsed project; parses if no process has done so for this content."""
        parsed = self.cache / self.digest
        if not (parsed / "manifest.json").exists():
            self.cache.mkdir(parents=True, exist_ok=True)
            with alone_in(self.cache):
                if not (parsed / "manifest.json").exists():
                    self._parse(parsed)
        return parsed

    def _parse(self, parsed: Path) -> None:
        from llmops_assets.warehouse.dbt import invoke

        with TemporaryDirectory(dir=self.cache) as folder:
            target = Path(folder) / "target"
            invoke(self, ["parse"], scratch=Path(folder), target=target)
            self._add_compiled(Path(folder), target)
            target.rename(parsed)

    def _add_compiled(self, folder: Path, target: Path) -> None:
        """Put the SQL of models and the lineage of columns beside what dbt wrote: that takes seconds."""
        from llmops_assets.warehouse.dbt import compiled
        from llmops_assets.warehouse.lineage import lineage_of_models

        file, models = target / "manifest.json", compiled(self, folder)
        manifest = json.loads(file.read_text(encoding="utf-8"))
        manifest[LINEAGE] = lineage_of_models(manifest, models)
        file.write_text(json.dumps(manifest), encoding="utf-8")
        (target / COMPILED).write_text(json.dumps(models), encoding="utf-8")
