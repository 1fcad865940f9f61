"""A step of a flow as data: what it is, and where it can go from there."""

from enum import Enum
from typing import Any

import attrs

from flowstone_interfaces import FlowstoneError


class Kind(Enum):
    """What a step does to the flow of control."""

    LINEAR = "linear"
    """Goes on to one step, or ends the flow."""
    SPLIT = "split"
    """Starts several steps at once, one task each: `self.next(self.a, self.b)`."""
    FOREACH = "foreach"
    """Starts one step once per item: `self.next(self.a, foreach="items")`, or with `num_parallel`."""
    SWITCH = "switch"
    """Goes on to one of several steps, perhaps itself: `self.next({"x": self.a, ...}, condition="name")`."""
    JOIN = "join"
    """Waits for all branches of one split; goes on to one step, or ends the flow."""


@attrs.frozen
class CaseExpression:
    """The key of a switch case that is known at run time only: `self.config.mode`.

    The text starts with `self`, whatever the step calls its first argument.
    """

    text: str


CaseKey = str | int | float | bool | CaseExpression | None
"""What may stand before a switch case's colon."""


class InvalidNodeError(FlowstoneError, ValueError):
    """The fields of a node contradict each other."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(step, reason)
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"there can be no step {self.step!r} like this: {self.reason}; build nodes with `parse_flow`"


@attrs.frozen
class Node:
    """One step. What it is called, where it leads and how; nothing of what it computes.

    Two nodes are equal if they mean the same to a scheduler: where a step is
    written and what decorates it do not count.

    >>> Node("start", Kind.FOREACH, ("fit",), foreach="countries").is_terminal
    False
    """

    name: str
    kind: Kind
    targets: tuple[str, ...] = ()
    """Names of the steps that may follow, without repetition, in the order they are written in."""
    foreach: str | None = None
    """The artifact to run the target for each item of."""
    num_parallel: bool = False
    """True if the target runs as many times as `num_parallel` says, all at the same time."""
    condition: str | None = None
    """The artifact whose value chooses among `cases`."""
    cases: tuple[tuple[CaseKey, str], ...] = ()
    """Of a switch: which value leads to which target; several may lead to one."""
    doc: str = ""
    """The first paragraph of the step's docstring, in one line."""
    decorators: tuple[Any, ...] = attrs.field(default=(), eq=False)
    """What the step is decorated with, outermost last: opaque here, for whoever runs the step."""
    file: str = attrs.field(default="", eq=False)
    line: int = attrs.field(default=0, eq=False)
    """The line of the step's `def`, from 1; 0 if it is not known."""
    next_line: int = attrs.field(default=0, eq=False)
    """The line of the step's `self.next`, from 1; 0 if it has none or that is not known."""

    def __attrs_post_init__(self) -> None:
        if reason := _contradiction(self):
            raise InvalidNodeError(self.name, reason)

    @property
    def is_terminal(self) -> bool:
        """True if nothing follows."""
        return not self.targets

    def allows(self, transition: "Transition") -> bool:
        """Whether a task of this step can go on like this."""
        if self.kind is Kind.FOREACH:
            return transition.targets == self.targets and transition.count is not None and transition.count >= 0
        if transition.count is not None:
            return False
        if self.kind is Kind.SWITCH:
            return len(transition.targets) == 1 and transition.targets[0] in self.targets
        return transition.targets == self.targets


@attrs.frozen
class Transition:
    """Where a finished task goes: one call of `self.next`, as it was executed.

    >>> Transition(("fit",), count=3).count
    3
    """

    targets: tuple[str, ...] = ()
    """The steps that follow: one of a switch's, all of any other's, none at the end."""
    count: int | None = None
    """How many tasks a foreach or `num_parallel` starts; `None` for everything else."""


def _contradiction(node: Node) -> str | None:
    """What is wrong with the fields of a node taken together, or None."""
    targets = len(node.targets)
    is_foreach = node.foreach is not None or node.num_parallel
    is_switch = node.condition is not None or bool(node.cases)
    reason = None
    if len(set(node.targets)) != targets:
        reason = f"its targets {node.targets} repeat"
    elif is_foreach != (node.kind is Kind.FOREACH) or (node.foreach is not None and node.num_parallel):
        reason = "a foreach, and nothing else, has either an artifact or num_parallel"
    elif is_switch != (node.kind is Kind.SWITCH):
        reason = "a switch, and nothing else, has a condition and cases"
    elif node.kind is Kind.SWITCH and (node.condition is None or not node.cases):
        reason = "a switch needs both a condition and cases"
    elif node.kind is Kind.SWITCH and node.targets != tuple(dict.fromkeys(target for _, target in node.cases)):
        reason = f"its targets {node.targets} are not those of its cases"
    elif node.kind is Kind.SPLIT and targets < 2:
        reason = f"a split has two targets or more, this one {targets}"
    elif node.kind is Kind.FOREACH and targets != 1:
        reason = f"a foreach has one target, this one {targets}"
    elif node.kind in {Kind.LINEAR, Kind.JOIN} and targets > 1:
        reason = f"a {node.kind.value} step has one target at most, this one {targets}"
    return reason
