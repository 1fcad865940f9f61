"""A graph survives a journal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph import FlowGraph, Kind, MalformedGraphError, Node
from flowstone_graph.testing import graphs


def plain() -> FlowGraph:
    return FlowGraph("Two", (Node("start", Kind.LINEAR, ("end",)), Node("end", Kind.LINEAR)), "start", "end")


@given(graphs())
def test_a_graph_comes_back_from_json_as_it_was(graph):
    """from_dict(to_dict(g)) == g, and writing it again gives the same text."""
    text = json.dumps(graph.to_dict())
    back = FlowGraph.from_dict(json.loads(text))
    assert back == graph
    assert json.dumps(back.to_dict()) == text


def test_places_come_back_too():
    """Errors of a past run still point at its source."""
    node = Node("only", Kind.LINEAR, file="flow.py", line=3, doc="All.")
    back = FlowGraph.from_dict(FlowGraph("One", (node,), "only", "only", "Doc.", "flow.py").to_dict())
    assert (back["only"].file, back["only"].line, back["only"].doc, back.file) == ("flow.py", 3, "All.", "flow.py")


@given(data=st.data())
def test_damaged_data_is_an_error_that_says_so(data):
    """A journal of a newer version, or a torn one, gives one clear error."""
    damaged = plain().to_dict()
    field = data.draw(st.sampled_from(sorted(set(damaged) - {"doc", "file", "name"})))
    if data.draw(st.booleans()):
        del damaged[field]
    else:
        damaged[field] = data.draw(
            st.sampled_from([None, 3, "x", [{}], [{"name": "x", "kind": "new", "targets": []}]])
        )
    with pytest.raises(MalformedGraphError, match="describes no flow graph"):
        FlowGraph.from_dict(damaged)
