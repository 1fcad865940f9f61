"""Steps for networkx. The only module here that imports it: that takes longer than a small run."""

from collections.abc import Iterable, Mapping

import networkx as nx

from flowstone_graph.edge_label import edge_label
from flowstone_graph.nesting import Position
from flowstone_graph.node import Node


def to_networkx(
    nodes: Iterable[Node], positions: Mapping[str, Position], **graph_attributes: str
) -> "nx.DiGraph[str]":
    """A `DiGraph` whose nodes are step names: see `FlowGraph.to_networkx`."""
    directed: nx.DiGraph[str] = nx.DiGraph()
    directed.graph.update(graph_attributes)
    for node in nodes:
        directed.add_node(
            node.name,
            kind=node.kind.value,
            foreach=node.foreach,
            num_parallel=node.num_parallel,
            condition=node.condition,
            doc=node.doc,
            file=node.file,
            line=node.line,
            split_stack=tuple(split for split, _ in positions[node.name]),
        )
    for node in nodes:
        for branch, target in enumerate(node.targets):
            directed.add_edge(node.name, target, label=edge_label(node, target), branch=branch)
    return directed
