"""Running dbt in this process, on one scratch database, for one window.

In process because starting dbt costs more than its work: 0.7 s against 5 s for twelve models and 24 tests.
Belongs here: the invocation and its results as plain data. The manifest is `warehouse.project`.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_assets.duck import DuckLimits, spill_folder
from llmops_assets.warehouse.project import DbtError, DbtProject
from llmops_assets.windows import Window

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

SCRATCH_FILE = "scratch.duckdb"
"""One name for all runs: dbt takes the database's name from it, and that is baked into the manifest."""

# dbt keeps its adapter, flags and environment per process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or test."""

    unique_id: str
    name: str
    kind: str
    status: str
    severity: str
    failures: int
    seconds: float
    message: str
    compiled: str

    @property
    def failed(self) -> bool:
        """Whether it must stop a publish."""
        return self.status in ("error", "fail", "runtime error", "skipped")

    def combined(self, before: "NodeResult | None") -> "NodeResult":
        """The result of this and an earlier window together: the failed one, if one failed, with sums."""
        if before is None:
            return self
        worse = before if before.failed and not self.failed else self
        return replace(worse, failures=self.failures + before.failures, seconds=self.seconds + before.seconds)

    @property
    def is_test(self) -> bool:
        """Whether it is a data test."""
        return self.kind == "test"


def build(
    project: DbtProject, window: Window, *, select: str, scratch: Path, staging: str, limits: DuckLimits
) -> list[NodeResult]:
    """Run and test the selected models for `window` in the scratch database under `scratch`.

    Failed tests are results, not errors. Raises `DbtError` where dbt itself could not run.
    """
    arguments = [
        "build",
        # Nothing reads its JSON: the parsed project is kept, and results are taken as objects (0.3 to 0.5 s a run).
        "--no-write-json",
        *("--select", select),
        *("--exclude-resource-type", "unit_test"),
        *("--event-time-start", _naive(window.start)),
        *("--event-time-end", _naive(window.end)),
        # DuckDB uses the cores inside each model; a second one fills the gaps (14.3 s instead of 16.1 at 2 M events).
        *("--threads", "2"),
    ]
    variables = {
        "LLMOPS_STAGING": staging,
        "LLMOPS_MEMORY_LIMIT": limits.memory_limit,
        "LLMOPS_THREADS": str(limits.threads),
        "LLMOPS_SPILL": str(spill_folder(limits) or scratch / "spill"),
    }
    result = invoke(
        project, arguments, scratch=scratch, target=scratch / "target", variables=variables, manifest=project.load()
    )
    return [_node_result(one) for one in result.results]


def compiled(project: DbtProject, folder: Path) -> dict[str, str]:
    """The SQL of every model for no window in particular; `folder` is for what dbt writes."""
    variables = {"LLMOPS_STAGING": "", "LLMOPS_MEMORY_LIMIT": "1GB", "LLMOPS_THREADS": "1", "LLMOPS_SPILL": str(folder)}
    target = folder / "compiled"
    result = invoke(
        project, ["compile", "--select", "resource_type:model"], scratch=folder, target=target, variables=variables
    )
    return {one.node.name: one.node.compiled_code for one in result.results}


def invoke(
    project: DbtProject,
    arguments: Sequence[str],
    *,
    scratch: Path,
    target: Path,
    variables: Mapping[str, str] | None = None,
    manifest: "Manifest | None" = None,
) -> Any:
    """Call dbt in this process; its result object. Raises `DbtError` with dbt's message."""
    from dbt.cli.main import dbtRunner

    _name_no_callers()
    common = [
        *("--project-dir", str(project.folder), "--profiles-dir", str(project.folder)),
        *("--target-path", str(target), "--log-path", str(scratch)),
        *("--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-version-check"),
        "--no-send-anonymous-usage-stats",
    ]
    with _one_at_a_time, _environment({"LLMOPS_SCRATCH": str(scratch / SCRATCH_FILE), **(variables or {})}):
        try:
            with _held_against_schemas(parsed=manifest is not None):
                outcome = dbtRunner(manifest=manifest).invoke([*arguments, *common])
        finally:
            _close_connections()
    if outcome.exception is not None:
        raise DbtError(f"dbt {arguments[0]} failed: {outcome.exception}") from outcome.exception
    return outcome.result


def _name_no_callers() -> None:
    """Keep dbt from walking the stack for each flag of its adapter to name who declared it: 0.3 s a sync."""
    from dbt_common.behavior_flags import BehaviorFlagRendered

    BehaviorFlagRendered._default_source = staticmethod(lambda: "the adapter")  # type: ignore[method-assign]


@contextmanager
def _held_against_schemas(parsed: bool) -> Iterator[None]:
    """Of a parsed project dbt need not derive JSON schemas again to hold its settings against: 0.3 s a sync."""
    from dbt_common.dataclass_schema import dbtClassMixin

    checking = dbtClassMixin.__dict__["validate"]
    if parsed:
        dbtClassMixin.validate = classmethod(lambda cls, data: None)  # type: ignore[method-assign, assignment]  # noqa: ARG005
    try:
        yield
    finally:
        dbtClassMixin.validate = checking  # type: ignore[method-assign]


def _node_result(one: Any) -> NodeResult:
    config = one.node.config
    return NodeResult(
        unique_id=one.node.unique_id,
        name=one.node.name,
        kind=str(one.node.resource_type),
        status=str(one.status),
        severity=str(getattr(config, "severity", "error")).lower(),
        failures=one.failures or 0,
        seconds=one.execution_time,
        message=one.message or "",
        compiled=getattr(one.node, "compiled_code", None) or "",
    )


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for dbt's profile and macros, and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _close_connections() -> None:
    """dbt-duckdb keeps its database open for the life of the process; the scratch file must be free."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
        DuckDBConnectionManager._ENV = None


def _naive(at: Any) -> str:
    """dbt replaces the offset by UTC, it does not convert: give UTC without one."""
    return f"{at:%Y-%m-%d %H:%M:%S}"
