"""Lineage as events that other programs read: the run events of OpenLineage."""

import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowstone_client.lineage import Lineage, LineageNode

_PRODUCER = "https://pypi.org/project/flowstone-client"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets/1-0-0"


def events(lineage: "Lineage") -> list[dict[str, Any]]:
    """One event for each task, in the order in which they ended."""
    tasks = [node for node in lineage.nodes.values() if node.kind == "task"]
    return [
        _event(lineage, task) for task in sorted(tasks, key=lambda task: (task.facts.get("ended", 0.0), task.id))
    ]


def _event(lineage: "Lineage", task: "LineageNode") -> dict[str, Any]:
    facts = task.facts
    ended = facts.get("ended")
    made = [lineage.nodes[target] for source, target in lineage.edges if source == task.id]
    event: dict[str, Any] = {
        "eventType": "OTHER" if ended is None else "COMPLETE",
        "eventTime": datetime.fromtimestamp(ended or 0.0, timezone.utc).isoformat(),
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{lineage.store}#{task.id}"))},
        "job": {"namespace": lineage.store, "name": f"{facts['flow']}.{facts['step']}"},
        "inputs": [_dataset(lineage, node) for node in lineage.before(task.id)],
        "outputs": [_dataset(lineage, node) for node in made],
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA,
    }
    if "file" in facts:
        line = f"#L{facts['line']}" if "line" in facts else ""
        event["job"]["facets"] = {
            "sourceCodeLocation": {
                **_facet("SourceCodeLocationJobFacet"),
                "type": "flowstone",
                "url": f"{lineage.store}#{facts['flow']}/{facts['run']}/{facts['file']}{line}",
                "version": facts.get("code", ""),
            }
        }
    return event


def _dataset(lineage: "Lineage", node: "LineageNode") -> dict[str, Any]:
    """A dataset: data by its own URL, a value by its name in the store."""
    namespace, name = lineage.store, node.id
    if node.kind == "data" and "://" in node.id:
        scheme, _, rest = node.id.partition("://")
        host, _, name = rest.partition("/")
        namespace, name = f"{scheme}://{host}", name or "/"
    version = node.facts.get("version") or node.facts.get("address")
    dataset: dict[str, Any] = {"namespace": namespace, "name": name}
    if version:
        dataset["facets"] = {"version": {**_facet("DatasetVersionDatasetFacet"), "datasetVersion": version}}
    return dataset


def _facet(name: str) -> dict[str, str]:
    return {"_producer": _PRODUCER, "_schemaURL": f"{_FACETS}/{name}.json"}
