"""The faults that a step has by itself and with its nearest neighbours."""

from collections.abc import Collection, Mapping
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


def check_parallel_joined(node: Node, nodes: Mapping[str, Node]) -> list[Fault]:
    """`num_parallel` leads to a step that leads directly to a join."""
    target = nodes.get(node.targets[0]) if node.num_parallel else None
    if target is None or all(name not in nodes or nodes[name].kind is Kind.JOIN for name in target.targets):
        return []
    return [
        fault_of_next(
            "parallel-not-joined",
            target,
            f"it runs in parallel ({node.name!r} enters it with num_parallel) but does not lead to a join",
            "follow a parallel step directly by a join",
        )
    ]


def check_parallel_decorators(nodes: Collection[Node]) -> list[Fault]:
    """Steps with @parallel are entered with `num_parallel`, and no others are.

    The only check that looks at decorators, and so one of classes, not of graphs:
    a graph that comes from a journal has none.
    """
    by_name = {node.name: node for node in nodes}
    faults = []
    for node in nodes:
        for target in (by_name[name] for name in node.targets if name in by_name):
            if node.num_parallel and not _is_parallel(target):
                faults.append(
                    fault_of_next(
                        "parallel-undecorated",
                        node,
                        f"num_parallel leads to {target.name!r}, which is not decorated with @parallel",
                        f"decorate {target.name!r} with @parallel, or use foreach",
                    )
                )
            elif _is_parallel(target) and not node.num_parallel:
                faults.append(
                    fault_of_step(
                        "parallel-not-entered",
                        target,
                        f"it is decorated with @parallel, but {node.name!r} enters it without num_parallel",
                        f"in {node.name!r} write self.next(self.{target.name}, num_parallel=n), or drop @parallel",
                    )
                )
    return faults


def _is_parallel(node: Node) -> bool:
    """True if one of the step's decorators is called `parallel`."""
    return any(_decorator_name(decorator) == "parallel" for decorator in node.decorators)


def _decorator_name(decorator: Any) -> str:
    """Its `name`; without one, what it is an instance of."""
    return str(getattr(decorator, "name", type(decorator).__name__.lower()))
