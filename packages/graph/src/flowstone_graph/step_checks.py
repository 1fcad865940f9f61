"""The faults that a step has by itself and with its nearest neighbours."""

from collections.abc import Mapping
from typing import Any

from flowstone_graph.fault import Fault, fault_of_next, fault_of_step
from flowstone_graph.node import Kind, Node


def check_switch(node: Node) -> list[Fault]:
    """A switch must choose, and a loop must be able to end."""
    if node.kind is not Kind.SWITCH:
        return []
    if set(node.targets) == {node.name}:
        return [
            fault_of_next(
                "endless-loop", node, "every case leads back to the step itself", "add a case that leaves the loop"
            )
        ]
    if len(node.targets) == 1:
        return [
            fault_of_next(
                "switch-without-choice",
                node,
                f"every case leads to {node.targets[0]!r}",
                f"add a case, or write self.next(self.{node.targets[0]})",
            )
        ]
    return []


def check_artifact_names(node: Node, nodes: Mapping[str, Node]) -> list[Fault]:
    """What a foreach or a switch looks at must be an artifact, not a step."""
    faults = []
    if node.foreach in nodes:
        faults.append(
            fault_of_next(
                "foreach-over-step",
                node,
                f"foreach={node.foreach!r} names a step",
                "name the artifact that holds the items",
            )
        )
    if node.condition in nodes:
        faults.append(
            fault_of_next(
                "condition-is-step",
                node,
                f"condition={node.condition!r} names a step",
                "name the artifact that holds the value to switch on",
            )
        )
    return faults


def check_parallel(node: Node, nodes: Mapping[str, Node]) -> list[Fault]:
    """`num_parallel` leads to a step with @parallel, and that directly to a join."""
    if not node.num_parallel or node.targets[0] not in nodes:
        return []
    target = nodes[node.targets[0]]
    faults = []
    if not is_parallel(target):
        faults.append(
            fault_of_next(
                "parallel-undecorated",
                node,
                f"num_parallel leads to {target.name!r}, which is not decorated with @parallel",
                f"decorate {target.name!r} with @parallel, or use foreach",
            )
        )
    if target.targets and not _leads_to_join(target, nodes):
        faults.append(
            fault_of_next(
                "parallel-not-joined",
                target,
                f"it runs in parallel ({node.name!r} enters it with num_parallel) but does not lead to a join",
                "follow a parallel step directly by a join",
            )
        )
    return faults


def check_entered_parallel(node: Node, entered_from: list[Node]) -> list[Fault]:
    """A step with @parallel is entered with `num_parallel` only."""
    if not is_parallel(node) or not entered_from:
        return []
    return [
        fault_of_step(
            "parallel-not-entered",
            node,
            f"it is decorated with @parallel, but {origin.name!r} enters it without num_parallel",
            f"write self.next(self.{node.name}, num_parallel=...) in {origin.name!r}, or drop @parallel",
        )
        for origin in entered_from
        if not origin.num_parallel
    ]


def is_parallel(node: Node) -> bool:
    """True if one of the step's decorators is called `parallel`."""
    return any(_decorator_name(decorator) == "parallel" for decorator in node.decorators)


def _leads_to_join(node: Node, nodes: Mapping[str, Node]) -> bool:
    return all(target not in nodes or nodes[target].kind is Kind.JOIN for target in node.targets)


def _decorator_name(decorator: Any) -> str:
    """Its `name`; without one, what it is an instance of."""
    return str(getattr(decorator, "name", type(decorator).__name__.lower()))
