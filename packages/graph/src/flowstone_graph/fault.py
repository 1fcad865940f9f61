"""What can be wrong with a flow: where, what, and what to do about it."""

import attrs

from flowstone_graph.node import Node
from flowstone_interfaces import FlowstoneError


@attrs.frozen
class Fault:
    """One thing to repair in a flow.

    >>> print(Fault("missing-next", "fit", "flow.py", 12, "it leads nowhere", "end it with self.next"))
    flow.py:12: step 'fit': it leads nowhere; end it with self.next
    """

    code: str
    """A short name that never changes, for programs and for searching: `missing-next`."""
    step: str | None
    """`None` if the fault is one of the flow as a whole."""
    file: str
    """As Python names it; empty if it is not known."""
    line: int
    """From 1; 0 if it is not known."""
    what: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        step = f"step {self.step!r}: " if self.step is not None else ""
        return f"{place}{step}{self.what}; {self.advice}"


class InvalidFlowError(FlowstoneError, ValueError):
    """A class is no flow that could run: all its faults at once, in the order of their lines."""

    def __init__(self, flow: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(flow, faults)
        self.flow = flow
        self.faults = faults

    def __str__(self) -> str:
        count = "one fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        return "\n".join([f"the flow {self.flow} has {count}:", *(f"  {fault}" for fault in self.faults)])


def fault_of_step(code: str, node: Node, what: str, advice: str) -> Fault:
    """A fault of a step as a whole: shown at its `def`."""
    return Fault(code, node.name, node.file, node.line, what, advice)


def fault_of_next(code: str, node: Node, what: str, advice: str) -> Fault:
    """A fault of where a step leads: shown at its `self.next`, if it has one."""
    return Fault(code, node.name, node.file, node.next_line or node.line, what, advice)


def in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """Sorted as a reader meets them: by file and line."""
    return tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
