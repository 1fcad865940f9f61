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
    """Every way to a join goes through its split, and the split is the last step of which that is true."""
    dominators = nx.immediate_dominators(without_loops(graph), graph.start)
    for node in graph:
        if node.kind is Kind.JOIN:
            assert dominators[node.name] == graph.matching_split(node.name)


@given(graphs())
def test_a_step_is_inside_the_splits_on_all_ways_to_it(graph):
    """It is inside a split if every way from the start passes the split and every way to the end passes its join."""
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
