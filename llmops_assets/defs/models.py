"""The dbt project's published models as asset specs, and its data tests as checks of them.

Only tables that the lake keeps are assets: what lies between them is views of a scratch database that
nobody can read after the run. Lineage goes through those views; their tests belong to the request log,
which is made of them.
"""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from llmops_assets.defs.checks import partitioned_spec
from llmops_assets.defs.presentation import METRICS, MONEY
from llmops_assets.tables import RAW, REQUESTS
from llmops_assets.warehouse.audits import tests_of
from llmops_assets.warehouse.build import PRICED, published_models
from llmops_assets.warehouse.project import LINEAGE

Manifest = Mapping[str, Any]
RAW_KEY = dg.AssetKey(RAW)
READ = {RAW: RAW_KEY, REQUESTS: dg.AssetKey(REQUESTS)}
"""Lake tables that models read as dbt sources."""


GROUPS = {"operations": METRICS, "billing": MONEY}
"""Groups of the folders of models; another folder is a group of its own name."""

LINEAGE_ENTRY = "dagster/column_lineage"
REBUILT = {
    "hourly": "A partition is an hour of the calls' own time (UTC).",
    "daily": "A partition is a billing date in the configured time zone.",
    "report": "A partition is a UTC day of the calls' own time.",
}
"""What a partition means, by tag."""


class Translator(DagsterDbtTranslator):
    """Keys are plain table names; groups are the folders of the models."""

    def __init__(self, tag: str) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_code_references=False))
        self.tag = tag

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the model says of itself, and what a partition and a re-run are; its SQL is in the repository."""
        return (
            f"{dbt_resource_props['description'].strip()}\n\n{REBUILT[self.tag]} A re-run makes it anew from what the "
            "lake holds, together with the other tables of the group, and publishes it only if every check passes; "
            "it changes nothing if nothing arrived."
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The table's name; `lake.llm_requests` is the model of that name."""
        return dg.AssetKey(dbt_resource_props["name"])

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002 - the signature is dagster-dbt's
        """None: dbt's tags say which models are built together; what is shown is `defs.presentation`."""
        return {}

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The subject of the model's folder."""
        folder = str(dbt_resource_props["fqn"][-2])
        return GROUPS.get(folder, folder)


def model_specs(
    manifest: Manifest,
    tag: str,
    namespace: str,
    partitions: dg.PartitionsDefinition[str],
    upstream: dg.PartitionMapping | None,
) -> list[dg.AssetSpec]:
    """One spec per published model that carries `tag`, each after those that it reads; tables of `namespace`."""
    nodes = {node["name"]: node for node in published_models(manifest, tag)}
    parents = {name: _parents(manifest, node) for name, node in nodes.items()}
    order = TopologicalSorter({name: {key.path[-1] for key in keys} & nodes.keys() for name, keys in parents.items()})
    translator = Translator(tag)
    specs = []
    for name in order.static_order():
        deps = [dg.AssetDep(key, partition_mapping=upstream) for key in sorted(parents[name])]
        spec = translator.get_asset_spec(manifest, nodes[name]["unique_id"], None)
        spec = spec.replace_attributes(deps=deps, partitions_def=partitions, skippable=True, kinds={"dbt", "iceberg"})
        # The rest of dagster-dbt's metadata says where dbt writes, which is a scratch database.
        said = {key: value for key, value in spec.metadata.items() if key == "dagster/column_schema"}
        specs.append(spec.replace_attributes(metadata={**said, "dagster/table_name": f"{namespace}.{name}"}))
    return [_with_lineage(spec, manifest.get(LINEAGE, {})) for spec in specs]


def _with_lineage(spec: dg.AssetSpec, lineages: Mapping[str, Mapping[str, list[str]]]) -> dg.AssetSpec:
    """The spec with the columns of the request log that its columns are computed from, where that is known."""
    lineage = lineages.get(spec.key.path[-1])
    if lineage is None:
        return spec
    requests = READ[REQUESTS]
    deps = {name: [dg.TableColumnDep(requests, read) for read in reads] for name, reads in lineage.items()}
    return spec.merge_attributes(metadata={LINEAGE_ENTRY: dg.TableColumnLineage(deps)})


def _parents(manifest: Manifest, node: Mapping[str, Any]) -> set[dg.AssetKey]:
    """The lake tables that a model reads, directly or through views of the scratch database."""
    found = set()
    for parent in manifest["parent_map"][node["unique_id"]]:
        props = manifest["nodes"].get(parent) or manifest["sources"].get(parent)
        if props is None or (parent.startswith("source.") and props["name"] not in READ):
            continue
        if props["name"] == PRICED and node["name"] != REQUESTS:
            found.add(READ[REQUESTS])  # the request log is those very files
        elif parent.startswith("source."):
            found.add(READ[props["name"]])
        else:
            found |= {dg.AssetKey(props["name"])} if _is_published(props) else _parents(manifest, props)
    return found


def check_specs(
    manifest: Manifest, tag: str, specs: list[dg.AssetSpec], partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetCheckSpec]:
    """Every data test over models of `tag`, as a check of the published model that it is about."""
    found = []
    for test, table in tests_of(manifest, tag, [spec.key.path[-1] for spec in specs]):
        blocking = str(test["config"].get("severity", "error")).lower() == "error"
        key = dg.AssetKey(table)
        found.append(partitioned_spec(test["name"], key, partitions, description=_meaning(test), blocking=blocking))
    return found


def _meaning(test: Mapping[str, Any]) -> str:
    """What a data test says, how to read a row that fails it, and what a failure does."""
    generic = test.get("test_metadata") or {}
    arguments = generic.get("kwargs", {})
    rules = [*(f"{name} is not null" for name in arguments.get("never_null", [])), *arguments.get("conditions", [])]
    says = {
        "unique_grain": f"No two rows share {', '.join(arguments.get('columns', []))}. A failing row is a shared "
        "value, with the number of its copies.",
        "holds": "Of every row these hold; the first column of a failing row, `broken`, names those it breaks:\n\n"
        + "\n".join(f"- `{' '.join(rule.split())}`" for rule in rules),
        "not_null": f"`{arguments.get('column_name')}` is never NULL.",
    }.get(generic.get("name", ""))
    sentence = f"{test['name'].replace('_', ' ').capitalize()}: the test finds no row."
    return (
        f"{(test.get('description') or says or sentence).strip()}\n\nTested before anything is published. If it fails, "
        "the tables keep what they had, and the evaluation shows rows and what to do. "
        f"The test: `dbt_project/{test['original_file_path']}`."
    )


def _is_published(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "model" and "lake" in node["config"].get("meta", {})
