"""A graph for Graphviz."""

import re

from hypothesis import given

from flowstone_graph import FlowGraph, Kind, Node
from flowstone_graph.testing import graphs


def test_a_small_graph_in_full():
    """The text is stable: it may be kept under version control."""
    nodes = (
        Node("start", Kind.FOREACH, ("a",), foreach="items"),
        Node("a", Kind.LINEAR, ("join",), doc='Say "hi".'),
        Node("join", Kind.JOIN, ("way",)),
        Node("way", Kind.SWITCH, ("end", "way"), condition="x", cases=((1, "end"), ("b", "way"), (2, "end"))),
        Node("end", Kind.LINEAR),
    )
    assert FlowGraph("Small", nodes, "start", "end").to_dot() == (
        'digraph "Small" {\n'
        "  node [fontname=Helvetica];\n"
        "  edge [fontname=Helvetica];\n"
        '  "start" [shape=box];\n'
        '  "start" -> "a" [label="for each of items", style=bold];\n'
        '  "a" [shape=box, tooltip="Say \\"hi\\"."];\n'
        '  "a" -> "join";\n'
        '  "join" [shape=invtrapezium];\n'
        '  "join" -> "way";\n'
        '  "way" [shape=diamond];\n'
        '  "way" -> "end" [label="1, 2"];\n'
        '  "way" -> "way" [label="\'b\'"];\n'
        '  "end" [shape=box];\n'
        "}\n"
    )


@given(graphs())
def test_every_step_and_arrow_is_there(graph):
    """As many lines as there are steps and targets, and each quotes what it must."""
    text = graph.to_dot()
    edges = set(re.findall(r'^  "(\w+)" -> "(\w+)"', text, re.MULTILINE))
    assert edges == {(node.name, target) for node in graph for target in node.targets}
    assert re.findall(r'^  "(\w+)" \[shape', text, re.MULTILINE) == list(graph.order)
    for line in text.splitlines():
        assert len(re.sub(r"\\.", "", line).split('"')) % 2 == 1
