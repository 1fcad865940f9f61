"""A check for schedulers that cannot nest one foreach in another. flowstone itself can."""

from flowstone_graph.fault import Fault, fault_of_next, in_order
from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind


def check_nested_foreach(graph: FlowGraph) -> tuple[Fault, ...]:
    """A fault for each foreach, or `num_parallel`, inside of another one."""
    return in_order(
        [
            fault_of_next(
                "nested-foreach",
                node,
                f"it starts a foreach inside the foreach of {outer[-1]!r}",
                "make one list of all combinations and do one foreach over it",
            )
            for node in graph
            if node.kind is Kind.FOREACH and (outer := graph.foreach_stack(node.name))
        ]
    )
