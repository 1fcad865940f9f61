"""What to write on an arrow between two steps."""

from flowstone_graph.node import CaseExpression, CaseKey, Node


def edge_label(node: Node, target: str) -> str:
    """When and how often `node` leads to `target`; empty if the arrow says it all.

    >>> from flowstone_graph.node import Kind
    >>> edge_label(Node("start", Kind.FOREACH, ("fit",), foreach="countries"), "fit")
    'for each of countries'
    """
    if node.foreach is not None:
        return f"for each of {node.foreach}"
    if node.num_parallel:
        return "num_parallel"
    return ", ".join(case_text(key) for key, case_target in node.cases if case_target == target)


def case_text(key: CaseKey) -> str:
    """The key of a switch case as it stands in the source."""
    return key.text if isinstance(key, CaseExpression) else repr(key)
