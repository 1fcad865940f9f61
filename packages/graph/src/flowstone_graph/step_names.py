"""What a step may be called: lowercase, and nothing that a flow already has."""

import re

from flowstone_graph.fault import Fault, fault_of_step
from flowstone_graph.node import Node

RESERVED_NAMES = frozenset(
    {"cmd", "foreach_stack", "index", "input", "merge_artifacts", "name", "next", "script_name"}
)
"""Names that mean something else on every flow."""

_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9_]*\Z")


def check_name(node: Node) -> list[Fault]:
    """The faults of a step's name. Names become parts of paths, some on systems that fold case."""
    if node.name in RESERVED_NAMES:
        return [
            fault_of_step("reserved-name", node, "every flow has something else of this name", "rename the step")
        ]
    if not _STEP_NAME.match(node.name):
        return [
            fault_of_step(
                "step-name",
                node,
                "its name has other characters than lowercase letters, digits and '_', or starts with '_'",
                "rename the step",
            )
        ]
    return []


def did_you_mean(name: str, known: list[str]) -> str | None:
    """The known name that `name` is most likely a misspelling of, or None."""
    import difflib

    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
