"""Splits and joins nest, as an independent notion of nesting says they do."""

import networkx as nx
from hypothesis import given

from flowstone_graph import FlowGraph, Kind
from flowstone_graph.testing import graphs


def without_loops(graph: FlowGraph) -> nx.DiGraph:
    directed = graph.to_networkx()
    directed.remove_edges_from(list(nx.selfloop_edges(directed)))
    return directed


@given(graphs())
def test_a_join_is_dominated_by_its_split(graph):
    """All ways to a join go through its split; of a static split, they share no later step."""
    dominators = nx.immediate_dominators(without_loops(graph), graph.start)
    for node in graph:
        if node.kind is Kind.JOIN:
            split = graph.matching_split(node.name)
            passed = dominators[node.name]
            while passed != split and graph[split].kind is Kind.FOREACH:
                passed = dominators[passed]
            assert passed == split


@given(graphs())
def test_a_step_is_inside_the_splits_on_all_ways_to_it(graph):
    """It is inside a split if it lies between the split and its join."""
    directed = without_loops(graph)
    for node in graph:
        inside = set()
        for split in graph:
            join = graph.matching_join(split.name)
            if join is not None:
                after = nx.descendants(directed, split.name)
                before = nx.ancestors(directed, join)
                if node.name in after & before:
                    inside.add(split.name)
        assert set(graph.split_stack(node.name)) == inside


@given(graphs())
def test_the_branch_index_is_that_of_the_target_which_leads_here(graph):
    """A static join puts its inputs in this order."""
    directed = without_loops(graph)
    for node in graph:
        stack = graph.split_stack(node.name)
        if not stack:
            assert graph.branch_index(node.name) is None
            continue
        targets = graph[stack[-1]].targets
        target = targets[graph.branch_index(node.name)]
        assert node.name in nx.descendants(directed, target) | {target}
