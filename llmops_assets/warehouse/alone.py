"""Prices raw records by the warehouse's own models outside of any lake and window, each as a call of its own.

Belongs here: putting the compiled models together over one table of raw rows. Deduplication is left out:
what is asked is what became of a record, not of the event that it may share with others.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property

import duckdb

from llmops_assets import prices
from llmops_assets.settings import Settings
from llmops_assets.tables import RAW
from llmops_assets.warehouse.project import DbtProject
from llmops_assets.warehouse.scratch import mount_beside_calls

PRICED = "int_llm_requests_priced"
SINGLE = "int_llm_requests_deduplicated"
"""The model in whose place every accepted record stands by itself."""
_INSTEAD = {
    SINGLE: "select *, cast(1 as bigint) as records from stg_llm_events",
    # Records of one event have one attempt.
    "int_request_attempts": "select distinct on (event_id, event_time, tenant_id) * from ({sql})",
}


class Alone:
    """The models over `lake.raw_llm_events` of a connection whose database is called `scratch`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, project: DbtProject, settings: Settings) -> None:
        self.connection, self.project, self.settings = connection, project, settings

    def price(self) -> str:
        """Price the raw rows that are there now; the relation that has a row for each accepted one."""
        version = prices.current_version()
        mount_beside_calls(self.connection, self.settings, dict.fromkeys(self._hours(), version))
        for name, sql, kind in self._models:
            self.connection.execute(f"create or replace {kind} {name} as {sql}")
        return PRICED

    def _hours(self) -> list[datetime]:
        rows = self.connection.execute(
            f"select distinct epoch_us(event_time) // 3600000000 from lake.{RAW} where event_time is not null"
        ).fetchall()
        return sorted(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for (hour,) in rows)

    @cached_property
    def _models(self) -> list[tuple[str, str, str]]:
        """Name, SQL and kind of every model down to the priced calls, each after what it reads."""
        ids = {node["name"]: one for one, node in self._nodes.items() if node["resource_type"] == "model"}
        order = list(dict.fromkeys(self._upstream(ids[PRICED])))
        return [self._model(self._nodes[one]) for one in order]

    @property
    def _nodes(self) -> dict[str, dict[str, object]]:
        nodes: dict[str, dict[str, object]] = self.project.manifest["nodes"]
        return nodes

    def _upstream(self, one: str) -> Iterator[str]:
        parents = self.project.manifest["parent_map"][one]
        if self._nodes[one]["name"] == SINGLE:
            parents = [parent for parent in parents if parent.endswith(".stg_llm_events")]
        for parent in parents:
            if parent in self._nodes:
                yield from self._upstream(parent)
        yield one

    def _model(self, node: dict[str, object]) -> tuple[str, str, str]:
        name = str(node["name"])
        config = node["config"]
        is_table = isinstance(config, dict) and config["materialized"] == "table"
        sql = _INSTEAD.get(name, "{sql}").format(sql=self.project.compiled[name])
        return name, sql, "table" if is_table else "view"
