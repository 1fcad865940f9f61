"""The DAG model of flowstone: parse a class into a graph, check it, execute it as a pure state machine, draw it.

A flow is data before it is a program. `parse_flow` reads a class into a
`FlowGraph`; everything else is a function of that value. Names load when they are
first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowstone_graph.check import check_graph
    from flowstone_graph.declaration import FlowDeclaration, StoredDeclaration
    from flowstone_graph.drawing import draw
    from flowstone_graph.execution import Execution, InvalidTransitionError, UnknownTaskError
    from flowstone_graph.fault import Fault, InvalidFlowError
    from flowstone_graph.flow_graph import FlowGraph, UnknownStepError
    from flowstone_graph.nested_foreach import check_nested_foreach
    from flowstone_graph.node import CaseExpression, CaseKey, InvalidNodeError, Kind, Node, Transition
    from flowstone_graph.parse import StepFunction, parse_flow
    from flowstone_graph.plain_data import MalformedGraphError
    from flowstone_graph.task import ForeachFrame, InvalidTaskIdError, Task, TaskKey

__all__ = [
    "CaseExpression",
    "CaseKey",
    "Execution",
    "Fault",
    "FlowDeclaration",
    "FlowGraph",
    "ForeachFrame",
    "InvalidFlowError",
    "InvalidNodeError",
    "InvalidTaskIdError",
    "InvalidTransitionError",
    "Kind",
    "MalformedGraphError",
    "Node",
    "StepFunction",
    "StoredDeclaration",
    "Task",
    "TaskKey",
    "Transition",
    "UnknownStepError",
    "UnknownTaskError",
    "check_graph",
    "check_nested_foreach",
    "draw",
    "parse_flow",
]

_NAMES_BY_MODULE = {
    "check": ("check_graph",),
    "declaration": ("FlowDeclaration", "StoredDeclaration"),
    "drawing": ("draw",),
    "execution": ("Execution", "InvalidTransitionError", "UnknownTaskError"),
    "fault": ("Fault", "InvalidFlowError"),
    "flow_graph": ("FlowGraph", "UnknownStepError"),
    "nested_foreach": ("check_nested_foreach",),
    "node": ("CaseExpression", "CaseKey", "InvalidNodeError", "Kind", "Node", "Transition"),
    "parse": ("StepFunction", "parse_flow"),
    "plain_data": ("MalformedGraphError",),
    "task": ("ForeachFrame", "InvalidTaskIdError", "Task", "TaskKey"),
}


def __getattr__(name: str) -> Any:
    for module, names in _NAMES_BY_MODULE.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
