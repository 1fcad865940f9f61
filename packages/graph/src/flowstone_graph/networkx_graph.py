"""A graph for networkx. The only module here that imports it: that takes longer than a small run."""

import networkx as nx  # type: ignore[import-untyped]  # it ships no stubs

from flowstone_graph.edge_label import edge_label
from flowstone_graph.flow_graph import FlowGraph


def to_networkx(graph: FlowGraph) -> nx.DiGraph:
    """A `DiGraph` whose nodes are step names, in declaration order.

    Node attributes: `kind` (the value of the `Kind`), `foreach`, `num_parallel`, `condition`, `doc`, `file`,
    `line`, `split_stack`. Edge attributes: `label` and `branch`, the index of the target. Graph attributes:
    `name`, `start`, `end`. A switch that may repeat itself has an edge to itself; nothing else makes a cycle.
    """
    directed = nx.DiGraph(name=graph.name, start=graph.start, end=graph.end)
    for node in graph:
        directed.add_node(
            node.name,
            kind=node.kind.value,
            foreach=node.foreach,
            num_parallel=node.num_parallel,
            condition=node.condition,
            doc=node.doc,
            file=node.file,
            line=node.line,
            split_stack=graph.split_stack(node.name),
        )
    for node in graph:
        for branch, target in enumerate(node.targets):
            directed.add_edge(node.name, target, label=edge_label(node, target), branch=branch)
    return directed
