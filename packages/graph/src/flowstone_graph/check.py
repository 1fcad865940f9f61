"""Every fault of a graph, in one report.

Only causes are reported: a step that cannot be reached because the one before it
names an unknown target is a consequence, and goes away with it.
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from flowstone_graph.fault import Fault, fault_of_next, fault_of_step, in_order
from flowstone_graph.nesting import Nesting, nest
from flowstone_graph.node import Kind, Node
from flowstone_graph.order import cycle_through, depth_first_order
from flowstone_graph.step_checks import (
    check_artifact_names,
    check_parallel_joined,
    check_switch,
)
from flowstone_graph.step_names import check_name, did_you_mean


def check_graph(
    nodes: Collection[Node], start: str | None, end: str | None, broken: AbstractSet[str] = frozenset()
) -> tuple[Fault, ...]:
    """All faults of these nodes as one flow, in the order of their lines; none if it is sound.

    Decorators are not looked at, here as everywhere: see `check_parallel_decorators`.

    Args:
        nodes: with names that differ.
        start: the name of the first step; `None` if it is not known, which leaves much unchecked.
        end: the name of the last step; `None` likewise.
        broken: names of steps that have faults already reported, whose targets mean nothing.
    """
    return examine(nodes, start, end, broken)[1]


def examine(
    nodes: Collection[Node], start: str | None, end: str | None, broken: AbstractSet[str] = frozenset()
) -> tuple[Nesting, tuple[Fault, ...]]:
    """The nesting of the nodes together with all their faults: see `check_graph`."""
    by_name = {node.name: node for node in nodes}
    faults = [fault for node in nodes for fault in _check_step(node, by_name)]
    faults += _check_ends(by_name, start, end, broken)
    dead_ends = {fault.step for fault in faults if fault.code in {"missing-next", "endless-loop"}} | broken
    successors: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        successors[node.name], unknown = _successors(node, by_name, start, end)
        faults += unknown
        if unknown and len(successors[node.name]) < len(node.targets):
            dead_ends.add(node.name)
    if start is None or start not in by_name:
        return Nesting({}, {}), in_order(faults)
    order, closing = depth_first_order(successors, start)
    for edge in closing:
        faults.append(_cycle(by_name[edge[0]], cycle_through(successors, edge)))
        dead_ends.add(edge[0])
    if dead_ends.isdisjoint(order):
        faults += _check_reached(by_name, order, successors)
    nesting, crossings = nest(by_name, order, successors, {name for name in dead_ends if name is not None})
    return nesting, in_order([*faults, *crossings])


def _check_step(node: Node, nodes: Mapping[str, Node]) -> Iterable[Fault]:
    yield from check_name(node)
    yield from check_switch(node)
    yield from check_artifact_names(node, nodes)
    yield from check_parallel_joined(node, nodes)


def _check_ends(
    nodes: Mapping[str, Node], start: str | None, end: str | None, broken: AbstractSet[str]
) -> Iterable[Fault]:
    """What must hold of the first step, the last step and, therefore, of all others."""
    for node in nodes.values():
        if node.name == start and node.kind is Kind.JOIN and node.name not in broken:
            yield fault_of_step("start-is-join", node, "the first step cannot join anything", "drop `inputs`")
        if node.name == end:
            if node.kind is Kind.JOIN and node.name not in broken:
                yield fault_of_step(
                    "end-is-join", node, "the last step is a join", "join in a step of its own, before the last"
                )
            if node.targets:
                yield fault_of_next("end-has-next", node, "the last step goes on", "drop its self.next")
        elif end is not None and node.is_terminal and node.name not in broken:
            yield fault_of_step(
                "missing-next",
                node,
                f"it leads nowhere, and it is not the last step ({end!r} is)",
                "end it with self.next(self.<step>)",
            )
        if start is not None and start in node.targets and node.name != start:
            yield fault_of_next(
                "start-is-target", node, f"it leads back to the first step, {start!r}", "lead to a later step"
            )


def _successors(
    node: Node, nodes: Mapping[str, Node], start: str | None, end: str | None
) -> tuple[tuple[str, ...], list[Fault]]:
    """The targets to go on with, and a fault for each that is unknown.

    A misspelt target stands for the step that is most likely meant, so that the
    rest of the flow can be checked. Edges that are at fault whatever else the
    flow does are left out; so is a switch's way back to itself, which is none.
    """
    targets: list[str] = []
    faults: list[Fault] = []
    for target in node.targets:
        meant: str | None = target
        if target not in nodes:
            meant = did_you_mean(target, [name for name in nodes if name not in {start, node.name}])
            advice = (
                f"did you mean self.{meant}?" if meant else f"add a step {target!r}, or lead to one of {[*nodes]}"
            )
            faults.append(fault_of_next("unknown-target", node, f"there is no step {target!r}", advice))
        if meant is None or meant in targets or meant == start or node.name == end:
            continue
        if meant == node.name and node.kind is Kind.SWITCH:
            continue
        targets.append(meant)
    return tuple(targets), faults


def _cycle(node: Node, way: tuple[str, ...]) -> Fault:
    return fault_of_next(
        "cycle",
        node,
        f"the flow runs in a circle: {' -> '.join(way)}",
        "only a switch may loop, and only to itself: self.next({..., ...: self.<this step>}, condition=...)",
    )


def _check_reached(
    nodes: Mapping[str, Node], order: tuple[str, ...], successors: Mapping[str, tuple[str, ...]]
) -> Iterable[Fault]:
    """A fault for each step that nothing leads to; what only such steps lead to is not reported again."""
    reached = set(order)
    entered = {target for name in nodes if name not in reached for target in successors[name] if target != name}
    strays = [name for name in nodes if name not in reached]
    for name in [*(name for name in strays if name not in entered), *strays]:
        if name not in reached:
            reached.update(depth_first_order(successors, name)[0])
            yield fault_of_step(
                "unreachable",
                nodes[name],
                "no step leads here",
                f"lead to it with self.next(self.{name}), or drop it",
            )
