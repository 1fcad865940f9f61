"""The DAG model of flowstone: parse a class into a graph, check it, execute it as a pure state machine, draw it.

A flow is data before it is a program. `parse_flow` reads a class into a
`FlowGraph`; everything else is a function of that value.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowstone_graph.fault import Fault, InvalidFlowError
from flowstone_graph.flow_graph import FlowGraph, UnknownStepError
from flowstone_graph.node import CaseExpression, CaseKey, InvalidNodeError, Kind, Node, Transition

if TYPE_CHECKING:
    from flowstone_graph.check import check_graph, check_nested_foreach
    from flowstone_graph.dot import to_dot
    from flowstone_graph.drawing import draw
    from flowstone_graph.execution import Execution, InvalidTransitionError, UnknownTaskError
    from flowstone_graph.parse import StepFunction, parse_flow
    from flowstone_graph.plain_data import MalformedGraphError
    from flowstone_graph.task import ForeachFrame, InvalidTaskIdError, Task, TaskKey

__all__ = [
    "CaseExpression",
    "CaseKey",
    "Execution",
    "Fault",
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
    "Task",
    "TaskKey",
    "Transition",
    "UnknownStepError",
    "UnknownTaskError",
    "check_graph",
    "check_nested_foreach",
    "draw",
    "parse_flow",
    "to_dot",
]

_LAZY = {
    "Execution": "execution",
    "ForeachFrame": "task",
    "InvalidTaskIdError": "task",
    "InvalidTransitionError": "execution",
    "MalformedGraphError": "plain_data",
    "StepFunction": "parse",
    "Task": "task",
    "TaskKey": "task",
    "UnknownTaskError": "execution",
    "check_graph": "check",
    "check_nested_foreach": "check",
    "draw": "drawing",
    "parse_flow": "parse",
    "to_dot": "dot",
}
"""Which module holds what a task, or a program that only reads graphs, does without."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
