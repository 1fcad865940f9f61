"""A graph that exists is sound, and answers questions about its steps."""

import pickle

import pytest
from hypothesis import given

from flowstone_graph import FlowGraph, InvalidFlowError, Kind, Node, UnknownStepError
from flowstone_graph.testing import graphs


def nested() -> FlowGraph:
    """A foreach in the second branch of a split."""
    nodes = (
        Node("start", Kind.SPLIT, ("a", "b")),
        Node("a", Kind.LINEAR, ("join",)),
        Node("b", Kind.FOREACH, ("c",), foreach="items"),
        Node("c", Kind.LINEAR, ("inner",)),
        Node("inner", Kind.JOIN, ("join",)),
        Node("join", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    )
    return FlowGraph("Nested", nodes, "start", "end")


def test_splits_and_joins_know_each_other():
    """Schedulers ask which join waits for which split."""
    graph = nested()
    assert (graph.matching_join("start"), graph.matching_join("b")) == ("join", "inner")
    assert (graph.matching_split("join"), graph.matching_split("inner")) == ("start", "b")
    assert graph.matching_join("a") is None
    assert graph.matching_split("a") is None


def test_a_split_and_its_join_stand_outside_of_its_branches():
    """A join's task has the same place as the task that split."""
    graph = nested()
    assert graph.split_stack("c") == ("start", "b")
    assert graph.foreach_stack("c") == ("b",)
    assert graph.split_stack("b") == graph.split_stack("inner") == ("start",)
    assert graph.split_stack("start") == graph.split_stack("join") == ()
    assert [graph.branch_index(name) for name in ("a", "b", "c", "inner", "end")] == [0, 1, 0, 1, None]


def test_a_graph_is_a_collection_of_its_nodes():
    """`for node in graph`, `graph["a"]`, `"a" in graph`."""
    graph = nested()
    assert [node.name for node in graph] == [node.name for node in graph.nodes]
    assert len(graph) == 7
    assert "a" in graph
    assert "x" not in graph
    assert graph["a"].targets == ("join",)


@pytest.mark.parametrize("ask", ["__getitem__", "split_stack", "branch_index", "matching_join", "matching_split"])
def test_an_unknown_step_is_an_error_that_knows_better(ask):
    """A typing mistake on the command line gets the right name in return."""
    with pytest.raises(UnknownStepError, match="no step 'iner'; did you mean 'inner'") as caught:
        getattr(nested(), ask)("iner")
    assert isinstance(caught.value, KeyError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_unsound_graph_cannot_be_made():
    """Whoever holds a graph need not check it."""
    nodes = (Node("start", Kind.LINEAR), Node("end", Kind.LINEAR))
    with pytest.raises(InvalidFlowError, match="leads nowhere"):
        FlowGraph("Flow", nodes, "start", "end")
    with pytest.raises(UnknownStepError):
        FlowGraph("Flow", nodes, "begin", "end")
    with pytest.raises(ValueError, match="same name"):
        FlowGraph("Flow", (*nodes, *nodes), "start", "end")


@given(graphs())
def test_the_order_has_every_step_after_its_predecessors(graph):
    """Whatever the order of declaration."""
    rank = {name: index for index, name in enumerate(graph.order)}
    assert set(rank) == {node.name for node in graph}
    assert all(rank[node.name] < rank[target] for node in graph for target in node.targets if target != node.name)


@given(graphs())
def test_the_order_does_not_depend_on_the_order_of_declaration(graph):
    """Moving a method changes no schedule and no drawing."""
    turned = FlowGraph(graph.name, graph.nodes[::-1], graph.start, graph.end)
    assert turned.order == graph.order


@given(graphs())
def test_graphs_are_values(graph):
    """They go through pipes, into sets, and come back equal."""
    copy = pickle.loads(pickle.dumps(graph))
    assert copy == graph
    assert len({copy, graph}) == 1
    assert copy.order == graph.order
