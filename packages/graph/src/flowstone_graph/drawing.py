"""A graph as text, for terminals.

Time runs down. Where nothing else is said, a step leads to the one below it; a
split opens a rail to the right for its branches, and the join closes it:

    ● start          Choose the countries.
    ├─╮ for each of countries
    │ ● fit          Fit a model of one country.
    ├─╯
    ◆ join
    ● end
"""

from collections.abc import Iterator
from typing import NamedTuple

from flowstone_graph.edge_label import case_text, edge_label
from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind, Node

_WIDTH = 100
_DOC_COLUMN_MAX = 44
_MARKS = {Kind.LINEAR: "●", Kind.SPLIT: "●", Kind.FOREACH: "●", Kind.SWITCH: "◇", Kind.JOIN: "◆"}


class _Line(NamedTuple):
    left: str
    doc: str = ""


def draw(graph: FlowGraph) -> str:
    """The graph as lines of text, under a hundred characters wide unless names are long.

    Every step stands on a line of its own, in `graph.order`, with its docstring's
    first paragraph. ◇ is a switch, its cases stand below it; ◆ is a join.
    """
    lines = list(_lines(graph))
    column = min(_DOC_COLUMN_MAX, max((len(line.left) for line in lines if line.doc), default=0) + 2)
    title = (
        graph.name if not graph.doc else f"{graph.name}: {' '.join(graph.doc.partition(chr(10) * 2)[0].split())}"
    )
    return "\n".join([_shortened(title, _WIDTH), "", *(_with_doc(line, column) for line in lines), ""])


def _lines(graph: FlowGraph) -> Iterator[_Line]:
    order = graph.order
    for name, following in zip(order, (*order[1:], ""), strict=True):
        node = graph[name]
        yield from _rails_before(graph, node)
        rail = "│ " * len(graph.split_stack(name))
        yield _Line(f"{rail}{_MARKS[node.kind]} {name}{_arrow(graph, node, following)}", node.doc)
        yield from (_Line(f"{rail}{line}") for line in _case_lines(node))
        if node.kind is Kind.FOREACH:
            yield _Line(f"{rail}├─╮ {edge_label(node, node.targets[0])}")
        elif node.kind is Kind.SPLIT:
            yield _Line(f"{rail}├─╮")


def _rails_before(graph: FlowGraph, node: Node) -> Iterator[_Line]:
    """The end of a branch, if the step begins the next branch or joins them."""
    stack = graph.split_stack(node.name)
    if node.kind is Kind.JOIN:
        yield _Line(f"{'│ ' * len(stack)}├─╯")
    elif stack and node.name in graph[stack[-1]].targets[1:] and graph[stack[-1]].kind is Kind.SPLIT:
        yield _Line(f"{'│ ' * (len(stack) - 1)}├─┤")


def _arrow(graph: FlowGraph, node: Node, following: str) -> str:
    """` → target`, where neither what stands below nor the rail says it."""
    if node.kind not in {Kind.LINEAR, Kind.JOIN} or node.is_terminal or node.targets[0] == following:
        return ""
    target = node.targets[0]
    is_end_of_branch = graph[target].kind is Kind.JOIN and any(_rails_before(graph, graph[following]))
    return "" if is_end_of_branch else f" → {target}"


def _case_lines(node: Node) -> Iterator[str]:
    """Of a switch: what it looks at, and each target with the values that lead to it."""
    if node.kind is not Kind.SWITCH:
        return
    yield f"│  by {node.condition}"
    width = max(len(case_text(key)) for key, _ in node.cases)
    for key, target in node.cases:
        arrow = f"↺ {target} again" if target == node.name else f"→ {target}"
        yield f"│    {case_text(key):{width}} {arrow}"


def _with_doc(line: _Line, column: int) -> str:
    if not line.doc:
        return line.left
    left = f"{line.left:{column}}" if len(line.left) < column else f"{line.left}  "
    return _shortened(f"{left}{line.doc}", _WIDTH)


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
