"""A graph -> Python source that parses back to the same graph."""

from collections.abc import Callable, Iterable, Iterator

from flowstone_graph.edge_label import case_text
from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind, Node


def _no_statements(_node: Node) -> Iterable[str]:
    return ()


def flow_source(
    graph: FlowGraph,
    header: str = "from flowstone import FlowSpec, step",
    base: str = "FlowSpec",
    body: Callable[[Node], Iterable[str]] = _no_statements,
) -> str:
    """The source of a module with one class, called like the graph.

    Args:
        graph: what the class is to mean.
        header: the lines that import `base` and `step`, and `parallel` if the graph has `num_parallel`.
        base: the base class.
        body: the lines of each step before its `self.next`, without indentation: `Scenario.statements` gives
            such as run. Without them the flow parses, but a foreach has no items.
    """
    lines = [header, "", "", f"class {graph.name}({base}):"]
    if graph.doc:
        lines += [f"    {graph.doc!r}", ""]
    for node in graph:
        lines += [*(f"    {line}" if line else "" for line in _step_lines(graph, node, body(node))), ""]
    return "\n".join(lines)


def _step_lines(graph: FlowGraph, node: Node, statements: Iterable[str]) -> Iterator[str]:
    if any(other.num_parallel and node.name in other.targets for other in graph):
        yield "@parallel"
    yield f"@step{_mark(graph, node)}"
    yield f"def {node.name}(self{', inputs' if node.kind is Kind.JOIN else ''}):"
    if node.doc:
        yield f"    {node.doc!r}"
    for statement in statements:
        yield f"    {statement}"
    yield "    pass" if node.is_terminal else f"    self.next({_arguments(node)})"


def _mark(graph: FlowGraph, node: Node) -> str:
    """What makes a step the first or the last, if its name does not."""
    marks = [
        f"{role}=True"
        for role, name in (("start", graph.start), ("end", graph.end))
        if node.name == name != role and len(graph) > 1
    ]
    return f"({', '.join(marks)})" if marks else ""


def _arguments(node: Node) -> str:
    if node.kind is Kind.SWITCH:
        cases = ", ".join(f"{case_text(key)}: self.{target}" for key, target in node.cases)
        return f"{{{cases}}}, condition={node.condition!r}"
    arguments = [f"self.{target}" for target in node.targets]
    if node.foreach is not None:
        arguments.append(f"foreach={node.foreach!r}")
    if node.num_parallel:
        arguments.append(f"num_parallel=self.count_{node.name}")
    return ", ".join(arguments)
