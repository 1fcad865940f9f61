"""Which split encloses which step, and which join closes it.

A flow nests like parentheses: a split opens, its branches run inside, one join
closes it. This module finds the nesting of any set of nodes in one pass along
their order, and where there is none, it says what is wrong and goes on with the
most plausible reading, so that one mistake is reported once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from flowstone_graph.fault import Fault, fault_of_next, fault_of_step
from flowstone_graph.node import Kind, Node

Position = tuple[tuple[str, int], ...]
"""The branches around a step, outermost first: the split's name and the branch's index, 0 in a foreach.

A split stands outside of its own branches, and so does its join.
"""


class Nesting(NamedTuple):
    """The nesting of a graph's steps."""

    positions: dict[str, Position]
    """Of every step that can be reached, in the order given."""
    joins: dict[str, str]
    """Of every split, the join that closes it."""


class _Problem(NamedTuple):
    fault: Fault
    splits: frozenset[str]
    """The splits that it leaves unclear: what else goes wrong with them is a consequence."""


def position_inside(node: Node, position: Position, branch: int) -> Position:
    """Where the `branch`th target of a step stands that itself stands at `position`, before any join."""
    if node.kind is Kind.SPLIT:
        return (*position, (node.name, branch))
    if node.kind is Kind.FOREACH:
        return (*position, (node.name, 0))
    return position


def nest(
    nodes: Mapping[str, Node],
    order: Iterable[str],
    successors: Mapping[str, tuple[str, ...]],
    dead_ends: AbstractSet[str],
) -> tuple[Nesting, tuple[Fault, ...]]:
    """The nesting of the steps in `order`, and the faults it has; without faults it is exact.

    `dead_ends` are steps that have other faults, so that where they lead, or even
    what they are, is not known: what is only wrong because of them is left out.
    """
    return _Nester(nodes, successors).nest(order, dead_ends)


class _Nester:
    """One walk along the order, collecting positions, joins and problems."""

    def __init__(self, nodes: Mapping[str, Node], successors: Mapping[str, tuple[str, ...]]) -> None:
        self._nodes = nodes
        self._successors = successors
        self._positions: dict[str, Position] = {}
        self._joins: dict[str, str] = {}
        self._unclear: set[str] = set()
        self._problems: list[_Problem] = []
        self._empty_branches: list[_Problem] = []
        """Reported of sound splits only: in a diamond they are not what is wrong."""

    def nest(self, order: Iterable[str], dead_ends: AbstractSet[str]) -> tuple[Nesting, tuple[Fault, ...]]:
        arrivals: defaultdict[str, list[tuple[str, Position]]] = defaultdict(list)
        for name in order:
            node = self._nodes[name]
            position = self._positions[name] = self._position(node, arrivals.pop(name, []))
            for branch, target in enumerate(self._successors[name]):
                arrivals[target].append((name, position_inside(node, position, branch)))
            self._check_targets(node)
            if node.is_terminal and position and name not in dead_ends:
                self._report_unjoined(node, position)
        blamed = {split for name in dead_ends for split, _ in self._positions.get(name, ())}
        faults: list[Fault] = []
        for problem in [*self._problems, *self._empty_branches]:
            if blamed.isdisjoint(problem.splits) and problem.fault.step not in dead_ends:
                faults.append(problem.fault)
            blamed |= problem.splits
        return Nesting(self._positions, self._joins), tuple(faults)

    def _position(self, node: Node, arrivals: list[tuple[str, Position]]) -> Position:
        if any(name in self._unclear for name, _ in arrivals):
            self._unclear.add(node.name)
        positions = [position for _, position in arrivals]
        if not positions:
            return ()
        if node.kind is Kind.JOIN:
            return self._join(node, arrivals)
        outer = _common_start(positions)
        splits = _splits_beyond(positions, outer)
        if splits:
            self._report(
                fault_of_step(
                    "missing-join",
                    node,
                    f"several branches of {_quoted(splits)} meet here ({_quoted(_names(arrivals))}), "
                    "but it is not a join",
                    "take a second argument, `inputs`, to join them",
                ),
                splits,
            )
        return outer

    def _join(self, node: Node, arrivals: list[tuple[str, Position]]) -> Position:
        positions = [position for _, position in arrivals]
        if not any(positions):
            if node.name not in self._unclear:
                self._report(
                    fault_of_step(
                        "join-without-split",
                        node,
                        "it takes `inputs`, but no split is open here that it could join",
                        "drop the second argument, or split before it",
                    ),
                    set(),
                )
            return ()
        outer = _common_start([position[:-1] for position in positions])
        splits = _splits_beyond(positions, outer)
        if len(splits) != 1 or any(len(position) != len(outer) + 1 for position in positions):
            outer = _common_start(positions)
            self._report(
                fault_of_step(
                    "cross-join",
                    node,
                    f"it joins branches of different splits: {_where_from(arrivals)}",
                    "joins across splits (diamonds) are not supported: join the branches of each split, "
                    "all of them and nothing else, in a join of its own",
                ),
                splits,
            )
            return outer
        self._close(node, positions[0][-1][0], {position[-1][1] for position in positions})
        return outer

    def _close(self, join: Node, split: str, branches: set[int]) -> None:
        """Let `join` close `split`, of which the given branches lead to it."""
        targets = self._successors[split]
        missing = [target for branch, target in enumerate(targets) if branch not in branches]
        if missing:
            self._report(
                fault_of_step(
                    "incomplete-join",
                    join,
                    f"it joins only part of the split {split!r}: the way from {_quoted(missing)} goes elsewhere",
                    "joining some of the branches is not supported: lead all branches of a split to one join, and "
                    "for those that belong together, split once more inside a branch",
                ),
                {split},
            )
        elif split in self._joins:
            self._report(
                fault_of_step(
                    "several-joins",
                    join,
                    f"the split {split!r} is joined here and in {self._joins[split]!r}",
                    "lead all branches of a split to one join",
                ),
                {split},
            )
        self._joins.setdefault(split, join.name)

    def _check_targets(self, node: Node) -> None:
        """Branches without a step, and switches that lead to a join."""
        for target in self._successors[node.name]:
            if self._nodes[target].kind is not Kind.JOIN:
                continue
            if node.kind in {Kind.SPLIT, Kind.FOREACH}:
                fault = fault_of_next(
                    "empty-branch",
                    node,
                    f"it splits, and {target!r} joins at once: the branch has no step",
                    "put a step between the split and its join",
                )
                self._empty_branches.append(_Problem(fault, frozenset({node.name})))
            elif node.kind is Kind.SWITCH:
                self._report(
                    fault_of_next(
                        "switch-to-join",
                        node,
                        f"a case of the switch leads directly to the join {target!r}",
                        "put a step between the switch and the join",
                    ),
                    set(),
                )

    def _report_unjoined(self, node: Node, position: Position) -> None:
        splits = [split for split, _ in position]
        self._report(
            fault_of_step(
                "unjoined-split",
                node,
                f"the flow ends here while {_quoted(splits)} is split and not joined",
                "join every split, in a step that takes `inputs`, before the end",
            ),
            set(splits),
        )

    def _report(self, fault: Fault, splits: set[str]) -> None:
        self._problems.append(_Problem(fault, frozenset(splits)))
        if fault.step is not None and splits:
            self._unclear.add(fault.step)


def _common_start(positions: list[Position]) -> Position:
    shortest = min(positions, key=len)
    length = 0
    while length < len(shortest) and all(position[length] == shortest[length] for position in positions):
        length += 1
    return shortest[:length]


def _splits_beyond(positions: list[Position], outer: Position) -> set[str]:
    """The splits that are open in some of the positions and not in `outer`."""
    return {split for position in positions for split, _ in position[len(outer) :]}


def _names(arrivals: list[tuple[str, Position]]) -> list[str]:
    return [name for name, _ in arrivals]


def _where_from(arrivals: list[tuple[str, Position]]) -> str:
    """`'a' brings one of 'start', 'b' brings none`."""
    parts = []
    for name, position in arrivals:
        origin = f"one of {position[-1][0]!r}" if position else "none"
        parts.append(f"{name!r} brings {origin}")
    return ", ".join(parts)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in (sorted(names) if isinstance(names, AbstractSet) else names))
