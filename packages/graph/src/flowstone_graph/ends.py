"""Which step is the first, and which the last."""

from collections.abc import Sequence
from typing import Literal

from flowstone_graph.fault import Fault, fault_of_step
from flowstone_graph.node import Node


def choose_end(
    role: Literal["start", "end"], marked: Sequence[Node], nodes: Sequence[Node], file: str, line: int
) -> tuple[str | None, list[Fault]]:
    """The name of the flow's first or last step, or the fault that there is not exactly one.

    Args:
        role: which of the two ends, and what the step is called if none is marked.
        marked: the steps that are marked with the role.
        nodes: all steps.
        file: where the flow is written, for the fault of having none.
        line: likewise.
    """
    if len(marked) > 1:
        advice = f"keep one @step({role}=True)"
        return None, [
            fault_of_step(
                f"several-{role}s", node, f"it is marked as the {role}, and so is {marked[0].name!r}", advice
            )
            for node in marked[1:]
        ]
    named = next((node for node in nodes if node.name == role), None)
    if marked and named is not None and named is not marked[0]:
        what = f"it is called {role!r}, but the step that is marked as the {role} is {marked[0].name!r}"
        return marked[0].name, [
            fault_of_step(f"ambiguous-{role}", named, what, f"rename it, or drop the mark @step({role}=True)")
        ]
    chosen = marked[0] if marked else named
    if chosen is None and len(nodes) == 1:
        chosen = nodes[0]
    if chosen is not None or not nodes:
        return chosen.name if chosen else None, []
    what = f"none of its {len(nodes)} steps is the {role}"
    return None, [
        Fault(f"no-{role}", None, file, line, what, f"call a step {role!r}, or mark one: @step({role}=True)")
    ]
