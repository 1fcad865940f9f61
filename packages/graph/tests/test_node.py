"""A node says one thing, or cannot be made."""

import pickle

import pytest

from flowstone_graph import InvalidNodeError, Kind, Node, Transition

CONTRADICTIONS = [
    {"kind": Kind.SPLIT, "targets": ("a", "a")},
    {"kind": Kind.SPLIT, "targets": ("a",)},
    {"kind": Kind.LINEAR, "targets": ("a", "b")},
    {"kind": Kind.JOIN, "targets": ("a", "b")},
    {"kind": Kind.LINEAR, "targets": ("a",), "foreach": "items"},
    {"kind": Kind.FOREACH, "targets": ("a",)},
    {"kind": Kind.FOREACH, "targets": ("a", "b"), "foreach": "items"},
    {"kind": Kind.FOREACH, "targets": ("a",), "foreach": "items", "num_parallel": True},
    {"kind": Kind.LINEAR, "targets": ("a",), "condition": "way"},
    {"kind": Kind.SWITCH, "targets": ("a",)},
    {"kind": Kind.SWITCH, "targets": ("a",), "cases": ((1, "a"),)},
    {"kind": Kind.SWITCH, "condition": "way"},
    {"kind": Kind.SWITCH, "targets": ("b", "a"), "condition": "way", "cases": ((1, "a"), (2, "b"))},
]


@pytest.mark.parametrize("fields", CONTRADICTIONS)
def test_a_node_that_contradicts_itself_cannot_be_made(fields):
    """What exists is sound, so that nobody has to check it again."""
    with pytest.raises(InvalidNodeError, match="there can be no step 'x' like this"):
        Node("x", **fields)


def test_equality_is_about_meaning():
    """Moving a step to another line, or decorating it, changes no graph."""
    here = Node("x", Kind.LINEAR, file="a.py", line=1, decorators=([],))
    there = Node("x", Kind.LINEAR, file="b.py", line=2)
    assert here == there
    assert hash(here) == hash(there)
    assert here != Node("x", Kind.LINEAR, ("y",))


def test_values_and_errors_cross_processes():
    """Tasks tell the scheduler what they did through a pipe."""
    error = InvalidNodeError("x", "it is wrong")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    for value in (Node("x", Kind.LINEAR, ("y",)), Transition(("y",), 3)):
        assert pickle.loads(pickle.dumps(value)) == value
