"""For networkx a flow is a graph like any other."""

import networkx as nx
from hypothesis import given

from flowstone_graph.testing import graphs


@given(graphs())
def test_steps_are_nodes_and_targets_are_edges(graph):
    """What people compute with networkx holds for the flow."""
    directed = graph.to_networkx()
    assert list(directed) == [node.name for node in graph]
    assert set(directed.edges) == {(node.name, target) for node in graph for target in node.targets}
    assert directed.graph == {"name": graph.name, "start": graph.start, "end": graph.end}


@given(graphs())
def test_only_switches_to_themselves_make_cycles(graph):
    """Without self-loops a flow is acyclic, and has one way in and one way out."""
    directed = graph.to_networkx()
    loops = list(nx.selfloop_edges(directed))
    assert all(directed.nodes[step]["kind"] == "switch" for step, _ in loops)
    directed.remove_edges_from(loops)
    assert nx.is_directed_acyclic_graph(directed)
    assert [step for step, degree in directed.in_degree if degree == 0] == [graph.start]
    assert [step for step, degree in directed.out_degree if degree == 0] == [graph.end]


@given(graphs())
def test_attributes_are_those_of_the_nodes(graph):
    """Programs select steps by kind, artifact or nesting."""
    directed = graph.to_networkx()
    for node in graph:
        attributes = directed.nodes[node.name]
        assert attributes["kind"] == node.kind.value
        assert attributes["foreach"] == node.foreach
        assert attributes["split_stack"] == graph.split_stack(node.name)
        assert [directed.edges[node.name, target]["branch"] for target in node.targets] == [
            *range(len(node.targets))
        ]
