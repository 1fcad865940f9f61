"""Steps in the language of Graphviz."""

from collections.abc import Iterable, Iterator

from flowstone_graph.edge_label import edge_label
from flowstone_graph.node import Kind, Node

_SHAPES = {
    Kind.LINEAR: "box",
    Kind.SPLIT: "box",
    Kind.FOREACH: "box",
    Kind.SWITCH: "diamond",
    Kind.JOIN: "invtrapezium",
}


def to_dot(name: str, nodes: Iterable[Node]) -> str:
    """A `digraph` with a line per step and per arrow, in the order of the nodes: equal flows give equal text."""
    lines = [f"digraph {_quote(name)} {{", "  node [fontname=Helvetica];", "  edge [fontname=Helvetica];"]
    for node in nodes:
        lines += _node_lines(node)
    return "\n".join([*lines, "}", ""])


def _node_lines(node: Node) -> Iterator[str]:
    tooltip = f", tooltip={_quote(node.doc)}" if node.doc else ""
    yield f"  {_quote(node.name)} [shape={_SHAPES[node.kind]}{tooltip}];"
    for target in node.targets:
        attributes = []
        if label := edge_label(node, target):
            attributes.append(f"label={_quote(label)}")
        if node.kind is Kind.FOREACH:
            attributes.append("style=bold")
        shown = f" [{', '.join(attributes)}]" if attributes else ""
        yield f"  {_quote(node.name)} -> {_quote(target)}{shown};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
