"""Steps are told in an order that follows from the graph alone."""

import itertools

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph.order import cycle_through, depth_first_order

successors = st.integers(1, 8).flatmap(
    lambda size: st.fixed_dictionaries(
        {str(step): st.lists(st.integers(0, size - 1).map(str), unique=True).map(tuple) for step in range(size)}
    )
)


@given(successors)
def test_every_step_stands_after_all_that_lead_to_it(successors):
    """Without the edges that close cycles, the order is topological; networkx agrees on what can be reached."""
    order, closing = depth_first_order(successors, "0")
    directed = nx.DiGraph(successors)
    assert set(order) == nx.descendants(directed, "0") | {"0"}
    rank = {step: index for index, step in enumerate(order)}
    backwards = {(step, target) for step in order for target in successors[step] if rank[target] <= rank[step]}
    assert backwards == set(closing)
    assert bool(closing) != nx.is_directed_acyclic_graph(directed.subgraph(order))


@given(successors)
def test_a_cycle_is_shown_as_a_way_round_it(successors):
    """People see which steps make the circle."""
    for edge in depth_first_order(successors, "0")[1]:
        way = cycle_through(successors, edge)
        assert way[0] == way[-1]
        assert (way[-2], way[-1]) == edge
        assert all(target in successors[step] for step, target in itertools.pairwise(way))


def test_deep_flows_do_not_recurse():
    """A generated flow may be long."""
    chain = {str(step): (str(step + 1),) for step in range(10_000)} | {"10000": ()}
    assert depth_first_order(chain, "0")[0] == tuple(map(str, range(10_001)))
