"""What made a value: the tasks, their code, parameters and data, back to where nothing is known any more."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    import networkx as nx

    from flowstone_datastore import DataAccess

KINDS = ("artifact", "task", "parameter", "data")


class MissingPackageError(FlowstoneError, ImportError):
    """Something needs a package that is not installed."""

    def __init__(self, what: str, package: str) -> None:
        super().__init__(what, package)
        self.what = what
        self.package = package

    def __str__(self) -> str:
        return f"{self.what} needs {self.package}; install it with: pip install {self.package}"


@attrs.frozen
class LineageNode:
    """One thing that had a part in it."""

    id: str
    """A pathspec; of data, its URL."""
    kind: str
    """`artifact`, `task`, `parameter` or `data`."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """JSON: of a task `file`, `line`, `code` and `environment` (addresses: of the file, and of the list of what
    was installed, or of the lock of what its step declared), `versions`, `seconds`, `ended`; of a value `address`,
    `type`, `size`, and `value` if it is a number, text or truth value; of data `version` and `size`."""


@attrs.frozen
class Lineage:
    """A graph that ends in one artifact: an edge leads from what was needed to what came of it."""

    artifact: str
    """Its pathspec, where it was made."""
    store: str
    nodes: Mapping[str, LineageNode]
    """By id."""
    edges: tuple[tuple[str, str], ...]
    """From id to id."""

    def to_networkx(self) -> "nx.DiGraph[str]":
        """The graph, each node with its `kind` and its facts.

        Raises:
            MissingPackageError: networkx is not installed.
        """
        try:
            import networkx as nx
        except ImportError as error:
            raise MissingPackageError("a graph of networkx", "networkx") from error
        graph: nx.DiGraph[str] = nx.DiGraph()
        for node in self.nodes.values():
            graph.add_node(node.id, kind=node.kind, **node.facts)
        graph.add_edges_from(self.edges)
        return graph

    def to_json(self) -> dict[str, Any]:
        """The graph as JSON: `artifact`, `nodes` (`id`, `kind`, facts), `edges`."""
        return {
            "artifact": self.artifact,
            "store": self.store,
            "nodes": [{"id": node.id, "kind": node.kind, **node.facts} for node in self.nodes.values()],
            "edges": [list(edge) for edge in self.edges],
        }

    def to_openlineage(self) -> list[dict[str, Any]]:
        """An event of OpenLineage for each task: what it read, what it made."""
        from flowstone_client.openlineage import events

        return events(self)

    def to_svg(self) -> str:
        """A picture, drawn from left to right."""
        from flowstone_client.lineage_drawing import drawn

        return drawn(self)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def before(self, node_id: str) -> Iterator[LineageNode]:
        """What had a part in one node directly."""
        return (self.nodes[source] for source, target in self.edges if target == node_id)

    def __repr__(self) -> str:
        counts = [f"{sum(node.kind == kind for node in self.nodes.values())} {kind}" for kind in KINDS]
        return f"<the lineage of {self.artifact}: {', '.join(counts)}>"


def data_facts(access: "DataAccess") -> dict[str, Any]:
    """What is known of data that was read."""
    facts = {"version": access.version, "size": access.size, "count": access.count}
    return {name: fact for name, fact in facts.items() if fact not in ("", None)}
