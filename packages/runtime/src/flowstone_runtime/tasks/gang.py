"""Tasks that work together, as `num_parallel` starts them."""

from flowstone_graph import FlowGraph, ForeachFrame


def is_gang_member(graph: FlowGraph, step: str, stack: tuple[ForeachFrame, ...]) -> bool:
    """Whether tasks of `step` with this stack run all at the same time."""
    if not stack:
        return False
    split = graph[stack[-1].step]
    return split.num_parallel and step in split.targets
